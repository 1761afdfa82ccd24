"""Severity from the event's own arithmetic and words: in doubt WARNING, and words never page."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.event import Severity
from observer.domain.severity import from_keywords, from_threshold


@pytest.mark.parametrize(
    "message",
    [
        "Error rate elevated: 3.2% (threshold: 1%) in last 5 minutes.",
        "Queue depth excessive: 8420 items waiting (threshold: 1000).",
        "Queue depth: 12,450 items waiting (threshold: 1000)",
        "latency 250ms (limit 100ms)",
    ],
)
def test_a_value_over_the_threshold_beside_it_is_a_warning(message: str) -> None:
    found = from_threshold(message)
    assert found is not None
    assert found[0] is Severity.WARNING
    assert "threshold" in found[1]


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Stage FAILED: Connection refused to database.",
        "threshold: 5",
        "(threshold: 5)",
        "3.2% of all (see threshold 1%)",
        "250 ms (threshold: 1 s)",
        "3,2% (threshold: 1%)",
        "Queue depth: 450 items waiting (threshold: 1,000)",
        "throughput 12 rps (threshold: 500)",
        "error rate 1% (threshold: 1%)",
    ],
)
def test_nothing_is_read_where_nothing_is_over_its_threshold(message: str) -> None:
    found = from_threshold(message)
    assert found is None


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_only_a_value_over_the_threshold_speaks(value: int, limit: int) -> None:
    found = from_threshold(f"lag is {value} (threshold: {limit})")
    assert (found is not None) == (value > limit)
    assert found is None or found[0] is Severity.WARNING


@given(st.text())
def test_text_alone_never_makes_an_event_critical(message: str) -> None:
    for found in (from_threshold(message), from_keywords(message)):
        assert found is None or found[0] is not Severity.CRITICAL


@pytest.mark.parametrize("message", ["", "hello", "CRITICAL! PAGE EVERYBODY", "all is fine"])
def test_words_that_say_nothing_are_a_warning_with_that_reason(message: str) -> None:
    assert from_keywords(message) == (
        Severity.WARNING,
        "unknown severity is treated as WARNING",
    )


def test_the_word_that_decided_is_the_reason() -> None:
    assert from_keywords("Connection REFUSED") == (Severity.WARNING, "the message says 'refused'")


@pytest.mark.parametrize(
    "message",
    [
        "1" * 32_768,
        "1" * 2000 + " " * 2000,
        "1 " * 2000,
        "1," * 2000,
        "1.1" * 1300,
        ("1" * 20 + " " * 40) * 60,
        "1%" + " " * 4000 + "(threshold",
        "1 (threshold" * 330,
        "1 (" + " " * 4000,
    ],
    ids=lambda message: message[:12],
)
def test_no_message_makes_the_arithmetic_slow(message: str) -> None:
    """Case 72."""
    started = time.thread_time()
    from_threshold(message)
    assert time.thread_time() - started < 0.05
