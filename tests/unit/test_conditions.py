"""Metric conditions: nothing but the three forms parses, nothing unknown is ever true."""

from __future__ import annotations

import math
import time
from typing import Any

import promql_parser
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

METRICS = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,30}", fullmatch=True).filter(
    lambda name: name not in ("in", "increase", "rate")
)
OPERATORS = st.sampled_from([">", "<", ">=", "<=", "==", "!="])
NUMBERS = st.one_of(
    st.integers(-(10**12), 10**12).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
WINDOWS = st.one_of(
    st.none(), st.builds("{}{}".format, st.integers(1, 999), st.sampled_from(["ms", "s", "m", "h"]))
)
CONDITIONS = st.tuples(
    METRICS, st.sampled_from([None, "increase", "rate"]), OPERATORS, NUMBERS, WINDOWS
)
GRAMMAR_CRUMBS = st.lists(
    st.sampled_from(["x", "up", "increase", "rate", "in", ">", "<=", "==", "3", "-1e5", "%", "5m"])
    | st.sampled_from(['{a="b"}', '{a=~"("}', '{__name__="x"}', '"', "ms", "MB", "1e999", "0s"])
    | st.sampled_from(["\n", "__class__", ".", "()", "'", '"', "٣", "0x1", "{", " "]),
    max_size=12,
).map(" ".join)


@given(st.one_of(st.text(), GRAMMAR_CRUMBS))
@example("x > ٣٣")
@example("x > 1e999999999")
@example("(" * 400)
@example("x > 1" + " " * 600)
@example("\x00")
@example('x{a="\ud800"} > 1')
@example("x rate > 1 in 99999999999999999999h")
def test_any_text_either_parses_or_is_a_parse_error(text: str) -> None:
    """Case 74."""
    try:
        condition = parse_condition(text)
    except ParseError:
        return
    assert type(condition) is Condition
    assert math.isfinite(condition.threshold)
    assert condition.judge({})[0] is Truth.UNKNOWN
    assert promql_parser.parse(condition.promql())


class Untouchable:
    """What the environment of an evaluated text would give away."""

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return object
        raise AssertionError(f"{name} was read")


@given(GRAMMAR_CRUMBS)
def test_judging_reads_no_attribute_of_what_was_observed(text: str) -> None:
    """Case 74."""
    try:
        condition = parse_condition(text)
    except ParseError:
        return
    observed = {condition.metric: Untouchable(), condition.query: Untouchable()}
    assert condition.judge(observed)[0] is Truth.UNKNOWN


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
            "ws_messages_received rate > 0",
            Condition("ws_messages_received", "rate", ">", 0.0, None),
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
    window = window if function else None
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
        'x{job="a" > 1',
        "x{job=a} > 1",
        "x{job='a'} > 1",
        'x{job="a\\x"} > 1',
        'x{job=~"("} > 1',
        'x{__name__="y"} > 1',
        "x > 3 in 5m",
        "x rate > 3 in 0s",
        "x rate > 3 in 9999999h",
        "x > \u0663",
        "x rate > 1 in \u0665m",
        "x_bytes > 3 s",
        "latency_seconds > 5 %",
        "x > 3 parsecs",
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
        ([[300]], Truth.UNKNOWN),
        ({"value": 300}, Truth.UNKNOWN),
        (b"\x01", Truth.UNKNOWN),
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


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("x > 60s", 60.0),
        ("x > 80%", 80.0),
        ("x > 500 ms", 500.0),
        ("latency_seconds > 500ms", 0.5),
        ("latency_ms > 2s", 2000.0),
        ("cpu_seconds_total increase > 500ms in 5m", 0.5),
        ("cpu_seconds_total rate > 80%", 80.0),
        ("memory_used_bytes > 30MB", 30e6),
        ("memory_used_mb > 30MB", 30.0),
        ("error_rate_pct > 3.2 %", 3.2),
        ("used_ratio > 80%", 0.8),
    ],
)
def test_a_unit_is_taken_over_to_the_one_that_the_metrics_name_ends_in(
    text: str, threshold: float
) -> None:
    assert parse_condition(text).threshold == pytest.approx(threshold)


@pytest.mark.parametrize(
    ("answer", "truth", "reason"),
    [
        ([298.0], Truth.TRUE, 'lag{group="a"} is 298 (> 280)'),
        (298.0, Truth.TRUE, 'lag{group="a"} is 298 (> 280)'),
        ((12,), Truth.FALSE, 'lag{group="a"} is 12 (> 280)'),
        ([], Truth.UNKNOWN, 'lag{group="a"} was not observed'),
        (None, Truth.UNKNOWN, 'lag{group="a"} was not observed'),
        ([math.nan], Truth.UNKNOWN, 'lag{group="a"} is not a number, so it was not observed'),
        ([298.0, 299.0], Truth.UNKNOWN, 'lag{group="a"} has 2 series; name one by its labels'),
        (["298"], Truth.UNKNOWN, 'lag{group="a"} was not observed'),
    ],
    ids=["one", "bare", "below", "no series", "absent", "not a number", "several", "text"],
)
def test_the_answer_to_the_conditions_own_query_is_judged_with_its_reason(
    answer: Any, truth: Truth, reason: str
) -> None:
    """Case 28: an empty, partial or NaN answer proves nothing."""
    condition = parse_condition('lag{group="a"} > 280')
    assert condition.judge({condition.query: answer}) == (truth, reason)


def test_the_value_of_one_series_does_not_stand_for_another() -> None:
    observed = {"lag": 300.0, 'lag{group="b"}': 300.0}
    assert parse_condition('lag{group="a"} > 280').judge(observed)[0] is Truth.UNKNOWN
    assert parse_condition("lag increase > 280").judge(observed)[0] is Truth.UNKNOWN


def test_an_increase_is_judged_by_the_answer_to_its_query() -> None:
    observed = {"increase(ws_reconnection_count[5m])": 4.0, "ws_reconnection_count": 0.0}
    condition = parse_condition("ws_reconnection_count increase > 3 in 5m")
    assert condition.judge(observed) == (
        Truth.TRUE,
        "increase(ws_reconnection_count[5m]) is 4 (> 3)",
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
