"""PromQL text: what is compiled means what was written, and a value stays a value."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path

import promql_parser
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from observer.domain.conditions import Condition, ParseError, parse_condition
from observer.domain.promql import Label, quoted, selector
from tests.stack.part import program

METRICS = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,20}", fullmatch=True)
LABEL_NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,20}", fullmatch=True).filter(
    lambda name: name != "__name__"
)
VALUES = st.text() | st.sampled_from(
    ['"} or up{job="', "\\", '\\"', "a\nb", "a\tb", "{}", "$1", "\x00", "é", "'", "`", "#"]
)
KEYWORDS = ["sum", "by", "inf", "NaN", "bool", "offset", "start", "group_left", "and", "INF"]
WRITTEN = [
    "redis_connected_clients > 280",
    "ws_reconnection_count increase > 3 in 5m",
    "ws_messages_received rate > 0",
    "redis_connected_clients < 200",
    'kafka_consumer_group_lag{group="redis-writer-entity"} > 10000',
    'process_cpu_seconds_total{process="a\\"b\\\\c\\n",job=~"a.*|b",x!="",y!~"z+"} rate >= 0.5',
    "x != -1e-300",
    "x increase == 1.5 in 300ms",
    "recorded:by_rule rate > 1e300 in 24h",
    "start > 1",
    "NaN > 1",
]


def name_and_matchers(vector: promql_parser.VectorSelector) -> tuple[str | None, list[tuple]]:
    found = [(m.name, str(m.op), m.value) for m in vector.matchers.matchers]
    named = [value for name, _, value in found if name == "__name__"]
    rest = [matcher for matcher in found if matcher[0] != "__name__"]
    return vector.name or (named[0] if named else None), rest


@given(METRICS | st.sampled_from(KEYWORDS), st.dictionaries(LABEL_NAMES, VALUES, max_size=3))
@example("up", {"node": '"} or vector(1) or up{a="'})
@example("up", {"node": "x\\"})
def test_whatever_a_node_is_called_it_stays_one_label_value(
    metric: str, wanted: dict[str, str]
) -> None:
    """Case 75."""
    labels = [Label(name, "=", value) for name, value in wanted.items()]
    parsed = promql_parser.parse(selector(metric, labels))
    assert isinstance(parsed, promql_parser.VectorSelector)
    name, matchers = name_and_matchers(parsed)
    assert name == metric
    assert sorted((n, v) for n, _, v in matchers) == sorted(wanted.items())


@given(VALUES)
def test_a_label_value_reads_back_from_a_condition_as_it_was_written(value: str) -> None:
    """Case 75."""
    written = json.dumps(value, ensure_ascii=False)
    try:
        condition = parse_condition(f"up{{node={written}}} > 1")
    except ParseError:
        assert "\\" in written  # \b, \f, \u00xx are no escapes of a condition
        return
    assert condition.labels == (Label("node", "=", value),)
    parsed = promql_parser.parse(condition.query)
    assert isinstance(parsed, promql_parser.VectorSelector)
    assert name_and_matchers(parsed) == (
        "up",
        [("node", str(promql_parser.MatchOp.Equal), value)],
    )


@pytest.mark.parametrize("name", ["", "a b", "a-b", "1a", "a}", 'a"', "é", "a\n", "__name__"])
def test_a_label_name_that_prometheus_does_not_take_is_refused(name: str) -> None:
    """Case 75."""
    with pytest.raises(ValueError, match="no label name"):
        selector("up", [Label(name, "=", "x")])


@pytest.mark.parametrize("name", ["", "a b", "up{", "1up", "up\n", "é", "up or vector(1)"])
def test_a_metric_name_that_prometheus_does_not_take_is_refused(name: str) -> None:
    """Case 75."""
    with pytest.raises(ValueError, match="no metric name"):
        selector(name)


def test_text_is_quoted_so_that_nothing_ends_it_early() -> None:
    assert quoted('a"b\\c\nd\te\x00f') == '"a\\"b\\\\c\\nd\\te\\x00f"'


@pytest.mark.parametrize(
    ("written", "query", "whole"),
    [
        ("x > 280", "x", "x > 280"),
        ("x < 0.5", "x", "x < 0.5"),
        ("x increase > 3 in 5m", "increase(x[5m])", "increase(x[5m]) > 3"),
        ("x increase > 3 in 1h", "increase(x[1h])", "increase(x[1h]) > 3"),
        ("x rate > 0", "rate(x[5m])", "rate(x[5m]) > 0"),
        ('x{a="b"} rate > 0 in 30s', 'rate(x{a="b"}[30s])', 'rate(x{a="b"}[30s]) > 0'),
        ('x{ a = "b" , c!~"d" } > 1', 'x{a="b",c!~"d"}', 'x{a="b",c!~"d"} > 1'),
        ("x{} == -1", "x", "x == -1"),
        ("sum > 1", '{__name__="sum"}', '{__name__="sum"} > 1'),
    ],
)
def test_a_condition_is_compiled_to_its_left_side_and_to_the_whole(
    written: str, query: str, whole: str
) -> None:
    condition = parse_condition(written)
    assert (condition.query, condition.promql()) == (query, whole)


@given(
    METRICS,
    st.sampled_from([None, "increase", "rate"]),
    st.sampled_from([">", "<", ">=", "<=", "==", "!="]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([None, "1ms", "30s", "5m", "24h"]),
)
@settings(max_examples=200)
def test_another_parser_reads_the_same_comparison(
    metric: str, function: str | None, compare: str, number: float, window: str | None
) -> None:
    condition = Condition(metric, function, compare, number, window if function else None)
    parsed = promql_parser.parse(condition.promql())
    assert isinstance(parsed, promql_parser.BinaryExpr)
    assert str(parsed.op) == compare
    right = parsed.rhs
    sign = 1.0
    if isinstance(right, promql_parser.UnaryExpr):
        sign, right = -1.0, right.expr
    assert math.isclose(sign * right.val, number, rel_tol=1e-15, abs_tol=0) or right.val == number
    if function is None:
        assert name_and_matchers(parsed.lhs)[0] == metric
    else:
        assert parsed.lhs.func.name == function
        assert name_and_matchers(parsed.lhs.args[0].vector_selector)[0] == metric


def test_prometheus_itself_takes_every_compiled_form(tmp_path: Path) -> None:
    conditions = [parse_condition(text) for text in WRITTEN]
    keyed = [Condition(word, "rate", ">", 1.0, None) for word in KEYWORDS]
    named = [
        Condition("up", None, ">", 1.0, None, (Label("node", "=", value),))
        for value in [
            '"} or up{job="',
            "\\",
            '\\"',
            "a\nb",
            "\x00\x1f\x7f",
            "é",
            "`",
            "#",
            "{{ x }}",
        ]
    ]
    rules = [
        {"record": f"rule_{i}", "expr": condition.promql()}
        for i, condition in enumerate([*conditions, *keyed, *named])
    ]
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"groups": [{"name": "all", "rules": rules}]}))
    checked = subprocess.run(
        [program("promtool"), "check", "rules", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert checked.returncode == 0, checked.stderr
    assert f"{len(rules)} rules found" in checked.stdout
