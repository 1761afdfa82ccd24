"""Tool calls per run and day: reserved before the call, so that nothing ever passes the cap."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.budget import DayBudget, RunBudget

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


UTC, NEW_YORK = ZoneInfo("UTC"), ZoneInfo("America/New_York")
TENANTS = st.sampled_from(["acme", "globex"])
QUARTER = 900.0
DAY = 86400.0


def reserve(budget: DayBudget, tenant: str, now: float) -> bool:
    """One call of a tenant, whose ledger is empty."""
    midnight = budget.begin(now)
    budget.open(tenant, midnight, 0)
    return budget.reserve(tenant)


@given(
    st.integers(1, 3),
    st.lists(st.tuples(TENANTS, st.floats(-DAY, DAY, allow_nan=False)), max_size=60),
)
def test_no_tenant_gets_more_than_a_days_budget_on_a_day_whatever_the_clock_does(
    limit: int, steps: list[tuple[str, float]]
) -> None:
    """Cases 21 and 23: a clock that goes back gives nobody a day twice."""
    budget, now, latest = DayBudget(limit, NEW_YORK), 1.8e9, date.min
    granted: Counter[tuple[str, date]] = Counter()
    for tenant, jump in steps:
        now += jump
        latest = max(latest, datetime.fromtimestamp(now, NEW_YORK).date())
        allowed = reserve(budget, tenant, now)
        assert allowed is (granted[tenant, latest] < limit)
        granted[tenant, latest] += allowed


@pytest.mark.parametrize("zone", [UTC, NEW_YORK], ids=str)
@pytest.mark.parametrize(
    "first",
    [date(2026, 3, 7), date(2026, 10, 31), date(2026, 12, 31)],
    ids=["clocks go forward", "clocks go back", "new year"],
)
def test_a_spent_budget_is_whole_again_once_a_day_at_midnight(zone: ZoneInfo, first: date) -> None:
    """Case 23: three days in quarters of an hour, every tenant out of budget all the time."""
    budget, begin = DayBudget(1, zone), datetime.combine(first, time(12), zone).timestamp()
    granted = [
        datetime.fromtimestamp(begin + i * QUARTER, zone)
        for i in range(int(3 * DAY / QUARTER))
        for tenant in ("acme", "globex")
        if reserve(budget, tenant, begin + i * QUARTER)
    ]

    days = [first + timedelta(days=n) for n in range(4)]
    assert Counter(moment.date() for moment in granted) == dict.fromkeys(days, 2)
    assert {moment.time() for moment in granted[2:]} == {time(0, 0)}


def test_what_was_counted_for_yesterday_is_not_charged_to_today() -> None:
    budget = DayBudget(5, UTC)
    yesterday = budget.begin(DAY - 1)
    budget.begin(DAY + 1)
    budget.open("acme", yesterday, 5)
    assert not budget.knows("acme")
