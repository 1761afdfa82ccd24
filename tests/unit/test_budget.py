"""Tool calls per run: reserved before the call, so that nothing ever passes the cap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from observer.domain.budget import RunBudget

KEYS = st.sampled_from(["a", "b", "c"])


@given(
    st.integers(1, 5),
    st.lists(
        st.tuples(st.just("reserve"), KEYS, st.just(0))
        | st.tuples(st.just("open"), KEYS, st.integers(0, 7))
        | st.tuples(st.just("close"), KEYS, st.just(0)),
        max_size=60,
    ),
)
def test_no_event_ever_gets_more_than_the_cap_and_none_pays_for_another(
    limit: int, steps: list[tuple[str, str, int]]
) -> None:
    """Case 36, per event."""
    budget = RunBudget(limit)
    used: dict[str, int] = {}
    for what, key, number in steps:
        match what:
            case "open":
                budget.open(key, number)
                used.setdefault(key, number)
            case "close":
                budget.close(key)
                used.pop(key, None)
            case _:
                granted = budget.reserve(key)
                assert granted is (used.get(key, 0) < limit)
                if granted:
                    used[key] = used.get(key, 0) + 1
        assert budget.knows(key) is (key in used)


def test_a_refused_call_takes_nothing() -> None:
    budget = RunBudget(1)
    assert budget.reserve("a")
    assert [budget.reserve("a") for _ in range(3)] == [False] * 3
    budget.close("a")
    assert budget.reserve("a")


def test_a_resumed_event_goes_on_counting_where_the_ledger_stopped() -> None:
    budget = RunBudget(3)
    budget.open("a", 2)
    assert [budget.reserve("a") for _ in range(2)] == [True, False]


def test_opening_an_event_twice_does_not_refill_it() -> None:
    budget = RunBudget(2)
    budget.open("a", 0)
    assert budget.reserve("a")
    budget.open("a", 0)
    assert [budget.reserve("a") for _ in range(2)] == [True, False]
