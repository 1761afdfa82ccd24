"""How long is waited before a call is tried again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from observer.domain.backoff import wait_before_retry

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
