"""Durations, costs and moments, as people read and write them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from observer.cli.csv_file import write_csv
from observer.cli.traces import columns_of, record
from observer.domain.figures import dollars, percent, took
from observer.domain.moments import parse_moment
from observer.domain.span_question import Grouping, GroupRow, SpanQuestion, nearest_rank

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
NOW_MS = 1795316400000


@pytest.mark.parametrize(
    ("latency_ms", "read"),
    [
        (0.04, "0.0 ms"),
        (9.94, "9.9 ms"),
        (9.96, "10 ms"),
        (812.4, "812 ms"),
        (999.6, "1.0 s"),
        (4_200, "4.2 s"),
        (59_960, "1 min 0 s"),
        (192_000, "3 min 12 s"),
        (7_500_000, "2 h 5 min"),
    ],
)
def test_a_duration_is_read_in_the_unit_that_fits(latency_ms: float, read: str) -> None:
    assert took(latency_ms) == read


@pytest.mark.parametrize(
    ("nano", "read"),
    [(0, "$0.00"), (1, "$0.000000001"), (71_100, "$0.0000711"), (1_500_000_000, "$1.50")],
)
def test_a_cost_is_read_to_the_last_nano_dollar(nano: int, read: str) -> None:
    assert dollars(nano) == read


def test_a_share_of_nothing_is_nothing() -> None:
    assert (percent(1, 3), percent(0, 0)) == ("33 %", "0 %")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("30m", NOW_MS - 1_800_000),
        ("24h", NOW_MS - 86_400_000),
        ("7d", NOW_MS - 604_800_000),
        ("9" * 400 + "d", 0),
        ("2026-11-22", NOW_MS - 10_800_000),
        ("2026-11-22T03:00", NOW_MS),
        ("2026-11-22T03:00Z", NOW_MS),
        ("2026-11-22T04:00+01:00", NOW_MS),
    ],
)
def test_a_moment_is_so_long_ago_or_a_day_or_a_time(written: str, meant: int) -> None:
    assert parse_moment(written, NOW) == meant


@pytest.mark.parametrize("written", ["", "yesterday", "24", "-1h", "2026-13-01"])
def test_what_is_no_moment_is_refused_in_words(written: str) -> None:
    with pytest.raises(ValueError, match="is no moment"):
        parse_moment(written, NOW)


@pytest.mark.parametrize(
    ("count", "percentile", "rank"),
    [(1, 50, 1), (1, 95, 1), (2, 50, 1), (20, 95, 19), (21, 95, 20)],
)
def test_a_percentile_is_a_rank_that_exists(count: int, percentile: int, rank: int) -> None:
    assert nearest_rank(count, percentile) == rank


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        (SpanQuestion(), "trace_id,session_id,tenant_id,feature,stage,started_ms,latency_ms"),
        (SpanQuestion(tool="look"), "trace_id,span_id,session_id"),
        (SpanQuestion(group_by=Grouping.TENANT), "group,count,errors,refused,p50_ms,p95_ms"),
    ],
)
def test_csv_without_a_row_has_the_names_of_its_columns(
    tmp_path: Path, question: SpanQuestion, begins: str
) -> None:
    file = tmp_path / "new" / "none.csv"
    write_csv(file, columns_of(question), [])
    (head,) = file.read_text().splitlines()
    assert head.startswith(begins)
    assert head.endswith("cost_usd")


def test_no_cell_of_a_csv_file_is_a_formula(tmp_path: Path) -> None:
    row = GroupRow(
        group="=1+1\r\nx", count=1, errors=0, refused=0, p50_ms=1.0, p95_ms=1.0, cost_nano=5
    )
    question = SpanQuestion(group_by=Grouping.STAGE)
    write_csv(tmp_path / "groups.csv", columns_of(question), [record(row)])
    assert (tmp_path / "groups.csv").read_text() == (
        "group,count,errors,refused,p50_ms,p95_ms,cost_nano,error_rate,cost_usd\n"
        "'=1+1 x,1,0,0,1.0,1.0,5,0.0,5e-09\n"
    )
