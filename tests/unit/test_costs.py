"""The roll-up of costs: exact, stable, of the right days, and the same for everybody who asks."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from observer.cli.app import app
from observer.cli.costs_svg import costs_svg
from observer.cli.csv_file import write_csv
from observer.domain.costs import (
    USUAL,
    By,
    CostSum,
    Stretch,
    columns,
    days,
    in_order,
    stretch_of,
    total,
    usd,
)
from observer.records.cost_sums import sums_in
from observer.records.data_dir import DataDir
from observer.records.database import Connection
from observer.records.sqlite_file import connect, migrate

NOW_MS = round(datetime(2026, 11, 22, 3, tzinfo=UTC).timestamp() * 1000)
UTC_ZONE, BERLIN = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")
WEEK = stretch_of("7d", None, now_ms=NOW_MS, zone=UTC_ZONE)

Row = tuple[str, str, str, int, int, int, int, str]
"""Tenant, feature, model, when, tokens in, tokens out, nano-USD, kind."""


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "var").mkdir()
    yield tmp_path / "var" / "observer.db"


def write(path: Path, rows: list[Row]) -> None:
    connection: Connection = connect(path)
    migrate(connection)
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO spans (trace_id, span_id, tenant_id, session_id, step_index, span_kind,"
        " latency_ms, stage, result_status, record, feature, name, timestamp_ms, input_tokens,"
        " output_tokens, cost_nano) VALUES ('t', ?, ?, 's', 0, ?, 1.0, '', 'success', '{}',"
        " ?, ?, ?, ?, ?, ?)",
        [
            (str(i), tenant, kind, feature, model, at, tokens_in, tokens_out, nano)
            for i, (tenant, feature, model, at, tokens_in, tokens_out, nano, kind) in enumerate(
                rows
            )
        ],
    )
    connection.execute("COMMIT")
    connection.close()


def random_rows(dice: random.Random, number: int) -> list[Row]:
    return [
        (
            dice.choice(["acme", "globex", "initech"]),
            dice.choice(["pipeline_observer", "nightly"]),
            dice.choice(["openai:gpt-4o", "openai:gpt-4o-mini", "runbook:"]),
            NOW_MS - dice.randrange(10 * 86_400_000),
            dice.randrange(5000),
            dice.randrange(500),
            dice.randrange(10**12),
            dice.choice(["llm_call", "llm_call", "tool_call", "agent_step"]),
        )
        for _ in range(number)
    ]


def by_brute_force(rows: list[Row], stretch: Stretch, by: tuple[By, ...], zone: ZoneInfo):
    sums: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for tenant, feature, model, at, tokens_in, tokens_out, nano, kind in rows:
        if kind != "llm_call" or not stretch.from_ms <= at < stretch.to_ms:
            continue
        day = datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).date().isoformat()
        known = {By.TENANT: tenant, By.FEATURE: feature, By.DAY: day, By.MODEL: model.rstrip(":")}
        one = sums[tuple(known[key] for key in By if key in by)]
        for i, more in enumerate((1, tokens_in, tokens_out, nano)):
            one[i] += more
    return {group: tuple(measures) for group, measures in sums.items()}


GROUPINGS = [USUAL, (By.TENANT,), (By.MODEL,), (By.DAY,), (By.MODEL, By.TENANT), tuple(By)]


@pytest.mark.parametrize("zone", [UTC_ZONE, BERLIN, ZoneInfo("Asia/Kathmandu")], ids=str)
@pytest.mark.parametrize("by", GROUPINGS, ids=str)
def test_a_roll_up_is_the_exact_sum_of_the_spans(
    records: Path, by: tuple[By, ...], zone: ZoneInfo
) -> None:
    """Case 45: against a sum by hand over random spans, in the days of the budget's zone."""
    rows = random_rows(random.Random(45), 3000)
    write(records, rows)

    sums = sums_in(DataDir(records.parent), WEEK, by, zone=zone)

    found = {
        tuple(one.group[key] for key in By if key in by): (
            one.calls,
            one.input_tokens,
            one.output_tokens,
            one.cost_nano,
        )
        for one in sums
    }
    assert found == by_brute_force(rows, WEEK, by, zone)
    assert [one.as_json() for one in sums] == [one.as_json() for one in in_order(sums)]
    alone = sums_in(DataDir(records.parent), WEEK, by, zone=zone, tenant_id="acme")
    of_acme = [row for row in rows if row[0] == "acme"]
    assert total(alone).cost_nano == total_of(by_brute_force(of_acme, WEEK, by, zone))


def total_of(sums: dict[tuple[str, ...], tuple[int, ...]]) -> int:
    return sum(measures[3] for measures in sums.values())


def test_the_csv_is_the_same_whatever_the_order_of_the_spans(records: Path, tmp_path: Path) -> None:
    """Case 45: columns and rows stand in one order, and each cost to the last nano-dollar."""
    rows = random_rows(random.Random(7), 300)
    other = tmp_path / "other" / "observer.db"
    other.parent.mkdir()
    write(records, rows)
    write(other, rows[::-1])
    for path, by in ((records, USUAL), (other, USUAL[::-1])):
        sums = sums_in(DataDir(path.parent), WEEK, by, zone=UTC_ZONE)
        file = tmp_path / f"{path.parent.name}.csv"
        write_csv(file, columns(by), (one.as_json() for one in sums))

    text = (tmp_path / "var.csv").read_text()

    assert (tmp_path / "other.csv").read_text() == text
    head, *lines = text.splitlines()
    assert head == "tenant,feature,day,calls,input_tokens,output_tokens,cost_nano,cost_usd"
    assert lines == sorted(lines)
    for line in lines:
        nano, dollars = line.split(",")[-2:]
        assert dollars.replace(".", "").lstrip("0") == nano.lstrip("0")


def test_a_day_is_the_budgets_also_when_the_clocks_change() -> None:
    """25 hours on the day on which summer time ends."""
    autumn = stretch_of("2026-10-24", "2026-10-27", now_ms=NOW_MS, zone=BERLIN)
    hours = {
        str(day): (part.to_ms - part.from_ms) / 3_600_000 for day, part in days(autumn, BERLIN)
    }
    assert hours == {"2026-10-24": 24.0, "2026-10-25": 25.0, "2026-10-26": 24.0}


@pytest.mark.parametrize(
    ("since", "until"),
    [("2026-11-22", "2026-11-21"), ("tomorrow", None), ("400d", None), ("7d", "0001-01-01")],
)
def test_no_stretch_of_time_is_refused(since: str, until: str | None) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        stretch_of(since, until, now_ms=NOW_MS, zone=UTC_ZONE)


def test_an_amount_is_written_to_the_last_nano() -> None:
    assert [usd(n) for n in (0, 1, 1_500_000_000)] == ["0.000000000", "0.000000001", "1.500000000"]


def sums_of(number: int) -> list[CostSum]:
    return [
        CostSum({By.TENANT: f"t{i}", By.DAY: f"2026-11-{1 + i % 28:02}"}, 1, 2, 3, i * 10**6)
        for i in range(number)
    ]


@pytest.mark.parametrize("number", [0, 1, 12])
def test_the_picture_holds_every_cost_and_needs_nothing_else(number: int) -> None:
    sums = sums_of(number)
    text = costs_svg(sums, (By.TENANT, By.DAY), "What models cost")
    root = ElementTree.fromstring(text)
    assert f"${usd(total(sums).cost_nano)}" in text
    assert len(root.findall(".//{*}title")) == number
    assert not re.search(r"(href|src|url\()", text)
    assert "prefers-color-scheme: dark" in text


WIDEST = {"W": 0.99, "m": 0.98, "w": 0.82, "…": 1.0, "宽": 1.0}
"""In parts of the font's size, as DejaVu Sans has them, which is wider than most."""


def box(text: ElementTree.Element) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of a text in the picture."""
    bold = 1.14 if text.get("font-weight") else 1.0
    size = 13 * bold * sum(WIDEST.get(c, 0.78 if c.isupper() else 0.64) for c in text.text or "")
    x, y = float(text.get("x", "")), float(text.get("y", ""))
    left = x - size if text.get("text-anchor") == "end" else x
    return left, left + size, y - 10, y + 3


LONG = ["tenant-with-a-name-" * 6, "W" * 80, "w" * 60, "宽" * 64, "t"]


@pytest.mark.parametrize("by", [(By.TENANT,), (By.TENANT, By.DAY), USUAL], ids=len)
@pytest.mark.parametrize("dollars", [1, 10**3, 10**9])
@pytest.mark.parametrize("days", [1, 120])
def test_no_text_of_the_picture_leaves_it_or_meets_another_or_a_bar(
    by: tuple[By, ...], dollars: int, days: int
) -> None:
    sums = [
        CostSum(
            {
                By.TENANT: name,
                By.FEATURE: name,
                By.DAY: f"2026-{1 + day // 28:02}-{1 + day % 28:02}",
            },
            1,
            2,
            3,
            dollars * 10**9 // (1 + day % 7) + number,
        )
        for day in range(days)
        for number, name in enumerate(LONG)
    ]
    root = ElementTree.fromstring(costs_svg(sums, by, "What models cost by " + "W" * 90))
    wide, high = float(root.get("width", "")), float(root.get("height", ""))
    texts = sorted((box(text) for text in root.findall("{*}text")), key=lambda one: one[2])
    bars = [
        (x, x + float(rect.get("width", "")), y, y + float(rect.get("height", "")))
        for rect in root.findall("{*}rect")
        for x, y in [(float(rect.get("x", "")), float(rect.get("y", "")))]
    ]
    assert len(texts) > len(sums) / len(LONG)
    for left, right, top, bottom in [*texts, *bars]:
        assert (left, top) >= (0, 0) and right <= wide and bottom <= high
    for place, one in enumerate(texts):
        for other in [*texts[place + 1 : place + 9], *bars]:
            apart = one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2]
            assert apart or other[3] <= one[2], (one, other)


def test_no_cost_is_said_in_words() -> None:
    assert "No model was called." in costs_svg([], (By.DAY,), "Costs")
    assert "No model" not in costs_svg(sums_of(1), (By.TENANT, By.DAY), "Costs")


def test_a_name_that_is_cut_is_whole_beside_it() -> None:
    text = costs_svg([CostSum({By.TENANT: LONG[0], By.DAY: "d"}, 1, 2, 3, 4)], USUAL[::2], "Costs")
    root = ElementTree.fromstring(text)
    cut = [one for one in root.findall("{*}text") if (one.text or "").endswith("…")]
    assert [one.findtext("{*}title") for one in cut] == [LONG[0]]


def test_what_stands_in_a_name_stays_text_in_the_picture() -> None:
    one = CostSum({By.MODEL: "a<script>&\x1b[31m\x00\uffff"}, 1, 2, 3, 4)
    text = costs_svg([one], (By.MODEL,), "Costs")
    assert "<script>" not in text
    ElementTree.fromstring(text)


class TestCommand:
    """`observer costs`, on records that no daemon has open."""

    @pytest.fixture(autouse=True)
    def _somewhere(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr("observer.cli.costs.time.time", lambda: NOW_MS / 1000)
        monkeypatch.chdir(tmp_path)

    def run(self, *words: str):
        return CliRunner().invoke(app, ["costs", *words], catch_exceptions=False)

    def test_says_where_the_bill_went(self, records: Path, tmp_path: Path) -> None:
        write(
            records,
            [
                ("acme", "f", "openai:gpt-4o", NOW_MS - 1000, 100, 10, 350_000, "llm_call"),
                ("acme", "f", "runbook:", NOW_MS - 1000, 0, 0, 0, "llm_call"),
                ("globex", "f", "openai:gpt-4o", NOW_MS - 9 * 86_400_000, 1, 1, 5, "llm_call"),
            ],
        )
        result = self.run("--csv", "runs/cost-summary.csv", "--svg", "runs/costs.svg")
        assert result.exit_code == 0
        assert "total: $0.000350000 for 2 calls, 100 tokens in, 10 out" in result.stdout
        assert "█" not in result.stdout, "no bars off a terminal"
        csv_text = (tmp_path / "runs/cost-summary.csv").read_text()
        assert csv_text.splitlines()[1:] == ["acme,f,2026-11-22,2,100,10,350000,0.000350000"]
        ElementTree.fromstring((tmp_path / "runs/costs.svg").read_text())
        shown = json.loads(self.run("--json", "--by", "model", "--since", "10d").stdout)
        assert shown["total"]["cost_nano"] == 350_005
        assert [one["model"] for one in shown["costs"]] == ["openai:gpt-4o", "runbook"]
        assert self.run("--tenant", "nobody").stdout == ""
        assert self.run("--csv", "-").stdout == csv_text
        assert self.run("--csv", "-", "--tenant", "nobody").stdout == csv_text.splitlines(True)[0]

    def test_no_cell_of_its_csv_is_a_formula(self, records: Path) -> None:
        write(records, [("acme", "=1+1", "runbook:", NOW_MS - 1000, 0, 0, 0, "llm_call")])
        line = self.run("--csv", "-").stdout.splitlines()[1]
        assert line.startswith("acme,'=1+1,")

    def test_groups_and_columns_are_named_alike(self) -> None:
        assert columns(tuple(By))[:4] == [str(by) for by in By]

    def test_wrong_usage_and_no_records_are_exit_2(self) -> None:
        assert self.run("--since", "yesterday").exit_code == 2
        result = self.run()
        assert result.exit_code == 2
        assert "no observer has kept records here" in result.stderr
