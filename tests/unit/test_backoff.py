"""How long is waited before a call is tried again."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.backoff import seconds_asked_for, wait_before_retry

TRIES = st.integers(1, 60)
SECONDS = st.floats(0.001, 3600)
CHANCE = st.floats(0, 1)


@given(TRIES, SECONDS, SECONDS, CHANCE)
def test_the_wait_is_spread_over_the_whole_time_which_doubles_up_to_the_longest(
    tries: int, first: float, longest: float, chance: float
) -> None:
    def wait(part: float) -> float | None:
        return wait_before_retry(
            tries, first=first, longest=longest, asked_for=None, spread=lambda: part
        )

    assert wait(0.0) == 0.0
    assert wait(1.0) == min(longest, first * 2 ** (tries - 1))
    assert 0.0 <= (wait(chance) or 0.0) <= longest


@given(TRIES, SECONDS, SECONDS, CHANCE, st.floats(0, 7200) | st.just(float("inf")))
def test_who_was_told_a_time_comes_neither_earlier_nor_waits_longer_than_is_bearable(
    tries: int, first: float, longest: float, chance: float, asked_for: float
) -> None:
    wait = wait_before_retry(
        tries, first=first, longest=longest, asked_for=asked_for, spread=lambda: chance
    )
    if asked_for > longest:
        assert wait is None
    else:
        assert wait is not None
        assert asked_for <= wait <= longest


@pytest.mark.parametrize(
    ("header", "seconds"),
    {
        "seconds": ("120", 120.0),
        "a part of one": (" 0.5 ", 0.5),
        "a date": ("Wed, 21 Oct 2015 07:28:00 GMT", 60.0),
        "a date without a zone": ("Wed, 21 Oct 2015 07:28:00 -0000", 60.0),
        "a date that has passed": ("Wed, 21 Oct 2015 07:26:00 GMT", 0.0),
        "a word": ("soon", None),
        "a sign": ("-5", None),
        "nothing": ("", None),
        "a number beyond all numbers": ("9" * 400, math.inf),
    }.values(),
)
def test_retry_after_is_seconds_or_a_date_and_anything_else_asks_for_nothing(
    header: str, seconds: float | None
) -> None:
    assert seconds_asked_for(header, now=1445412420.0) == seconds
