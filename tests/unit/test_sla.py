"""A promise in words, as the comparison that proves that it is kept."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.conditions import ParseError
from observer.domain.sla import parse_promise

ACCEPTED_BY_PROMQL = re.compile(r"(>=|<=|==|>|<) -?\d+(\.\d+)?([eE][+-]?\d{1,3})?")


@pytest.mark.parametrize(
    ("threshold", "query", "condition", "of_73"),
    [
        ("60s", "max(data_age_seconds)", "< 60", "73 s (< 60 s)"),
        ("5m", "max(data_age_seconds)", "< 300", "73 s (< 300 s)"),
        ("500ms", "latency", "< 0.5", "73 s (< 0.5 s)"),
        ("60s", "max(data_age_ms{group='a-b'})", "< 60000", "73 ms (< 60000 ms)"),
        ("60s", "max(data_age_ms) / 1000", "< 60", "73 s (< 60 s)"),
        ("<= 2 m", "x", "<= 120", "73 s (<= 120 s)"),
        ("> 80%", "100 * complete / total", "> 80", "73% (> 80%)"),
        ("> 80%", "complete_ratio", "> 0.8", "73 (> 0.8)"),
        ("> 80%", "100 * complete_ratio", "> 80", "73% (> 80%)"),
        ("< 10000 messages", "max(lag)", "< 10000", "73 messages (< 10000 messages)"),
        ("<10000", "max(lag)", "< 10000", "73 (< 10000)"),
        ("< 30 GB", "redis_memory_used_bytes", "< 30000000000", "73 bytes (< 3e+10 bytes)"),
    ],
)
def test_a_promise_is_compared_in_the_unit_of_its_query(
    threshold: str, query: str, condition: str, of_73: str
) -> None:
    promise = parse_promise(threshold, query)
    assert promise.condition == condition
    assert promise.said_of(73) == of_73


@pytest.mark.parametrize(
    "threshold", ["", "soon", "80%", "10000 messages", "60", "> ", "> 1 > 2", "< 1e400", "!= 3"]
)
def test_what_cannot_be_compared_is_no_promise(threshold: str) -> None:
    with pytest.raises(ParseError, match="cannot be compared"):
        parse_promise(threshold, "x")


@given(st.text(max_size=40), st.text(max_size=60))
def test_any_text_is_a_comparison_that_promql_takes_or_no_promise(text: str, query: str) -> None:
    try:
        promise = parse_promise(text, query)
    except ParseError:
        return
    assert ACCEPTED_BY_PROMQL.fullmatch(promise.condition)
