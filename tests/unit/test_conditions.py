"""Metric conditions: nothing but the three forms parses, nothing unknown is ever true."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from observer.domain.conditions import (
    Condition,
    ParseError,
    Truth,
    parse_condition,
    parse_duration,
)

METRICS = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,30}", fullmatch=True).filter(
    lambda name: name not in ("in", "increase", "rate")
)
OPERATORS = st.sampled_from([">", "<", ">=", "<=", "==", "!="])
NUMBERS = st.one_of(
    st.integers(-(10**12), 10**12).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
WINDOWS = st.one_of(
    st.none(), st.builds("{}{}".format, st.integers(0, 999), st.sampled_from(["ms", "s", "m", "h"]))
)
CONDITIONS = st.tuples(
    METRICS, st.sampled_from([None, "increase", "rate"]), OPERATORS, NUMBERS, WINDOWS
)
GRAMMAR_CRUMBS = st.lists(
    st.sampled_from(["x", "up", "increase", "rate", "in", ">", "<=", "==", "3", "-1e5", "%", "5m"])
    | st.sampled_from(["\n", "__class__", ".", "()", "'", '"', "٣", "0x1", "{", " "]),
    max_size=12,
).map(" ".join)


@given(st.one_of(st.text(), GRAMMAR_CRUMBS))
@example("x > ٣٣")
@example("x > 1e999999999")
@example("(" * 400)
@example("x > 1" + " " * 600)
@example("\x00")
def test_any_text_either_parses_or_is_a_parse_error(text: str) -> None:
    """Case 74."""
    try:
        condition = parse_condition(text)
    except ParseError:
        return
    assert math.isfinite(condition.threshold)
    assert condition.judge({})[0] is Truth.UNKNOWN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "redis_connected_clients > 280",
            Condition("redis_connected_clients", None, ">", 280.0, None),
        ),
        (
            "ws_reconnection_count increase > 3 in 5m",
            Condition("ws_reconnection_count", "increase", ">", 3.0, "5m"),
        ),
        (
            "database_errors_total rate > 0",
            Condition("database_errors_total", "rate", ">", 0.0, None),
        ),
        (
            "redis_connected_clients < 200",
            Condition("redis_connected_clients", None, "<", 200.0, None),
        ),
    ],
)
def test_the_seeds_four_conditions_parse_to_their_meaning(text: str, expected: Condition) -> None:
    """Case 76."""
    assert parse_condition(text) == expected


@given(CONDITIONS)
def test_a_written_condition_reads_back_as_it_was_meant(
    parts: tuple[str, str | None, str, str, str | None],
) -> None:
    metric, function, operator, number, window = parts
    words = [metric, function, operator, number, f"in {window}" if window else None]
    condition = parse_condition(" ".join(word for word in words if word))
    assert condition == Condition(metric, function, operator, float(number), window)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "x >",
        "> 3",
        "x > y",
        "x => 3",
        "x > 3 in",
        "x > 3 in 5 parsecs",
        "increase > 3",
        "x > 3; import os",
        "x.__class__ > 3",
        "x > 1 and y > 2",
        'x{job="a"} > 1',
        "x > nan",
        "x > 1e999",
        "x\n> 1",
    ],
)
def test_what_is_no_condition_is_refused_with_an_example_to_copy(text: str) -> None:
    with pytest.raises(ParseError, match="write for example"):
        parse_condition(text)


def test_a_condition_of_half_a_megabyte_is_refused_without_parsing_it() -> None:
    started = time.thread_time()
    with pytest.raises(ParseError, match="at most 500 characters"):
        parse_condition("x > " + "9" * 500_000)
    assert time.thread_time() - started < 0.05


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (281, Truth.TRUE),
        (280, Truth.FALSE),
        (280.5, Truth.TRUE),
        (math.inf, Truth.TRUE),
        (-math.inf, Truth.FALSE),
        (math.nan, Truth.UNKNOWN),
        (True, Truth.UNKNOWN),
        (None, Truth.UNKNOWN),
        ("300", Truth.UNKNOWN),
        ([300], Truth.UNKNOWN),
        (10**400, Truth.UNKNOWN),
    ],
)
def test_only_a_number_makes_a_condition_true_or_false(value: Any, expected: Truth) -> None:
    condition = parse_condition("clients > 280")
    assert condition.judge({"clients": value})[0] is expected


def test_a_metric_that_is_absent_is_unknown_and_the_reason_names_it() -> None:
    assert parse_condition("clients < 200").judge({"other": 1}) == (
        Truth.UNKNOWN,
        "clients was not observed",
    )


@given(OPERATORS)
def test_not_a_number_satisfies_no_operator_not_even_unequal(operator: str) -> None:
    assert parse_condition(f"x {operator} 1").judge({"x": math.nan})[0] is Truth.UNKNOWN


@pytest.mark.parametrize("text", ["x rate > 0", "x increase > 3 in 5m"])
def test_a_rate_is_unknown_without_a_time_series(text: str) -> None:
    assert parse_condition(text).judge({"x": 1e9})[0] is Truth.UNKNOWN


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_an_operator_and_its_opposite_never_agree(value: float, limit: float) -> None:
    for one, other in ((">", "<="), ("<", ">="), ("==", "!=")):
        verdicts = {
            Condition("x", None, op, limit, None).judge({"x": value})[0] for op in (one, other)
        }
        assert verdicts == {Truth.TRUE, Truth.FALSE}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("8s", 8.0), ("5m", 300.0), ("24h", 86400.0), ("7d", 604800.0), ("1.5s", 1.5)],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@given(st.text())
@example("5")
@example("5 m")
@example("-5s")
@example("1e9s")
@example("12:30:45")
def test_any_other_duration_is_a_parse_error(text: str) -> None:
    try:
        assert parse_duration(text) >= 0
    except ParseError as error:
        assert "500ms, 8s, 5m or 24h" in str(error)
