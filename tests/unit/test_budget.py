"""Budgets of an event and of a day: reserved before the call, so that nothing passes its cap."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from observer.domain.budget import NANO, DayBudget, Meter, RunBudget, Spent, dollars
from observer.domain.hold import EVERYBODY
from tests.day_budgets import amounts, limits

KEYS = st.sampled_from(["a", "b", "c"])


@given(
    st.integers(1, 5),
    st.lists(
        st.tuples(st.just("reserve"), KEYS, st.just(0))
        | st.tuples(st.just("open"), KEYS, st.integers(0, 7))
        | st.tuples(st.just("give back"), KEYS, st.just(0))
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
            case "give back":
                budget.give_back(key)
                if key in used:
                    used[key] = max(0, used[key] - 1)
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
TENANTS = ["acme", "globex"]
QUARTER = 900.0
HOUR = 3600.0
DAY = 86400.0
CALL = {Meter.TOOL_CALLS: 1}


def turn(budget: DayBudget, now: float) -> None:
    """Begin the day that is due; its ledger is empty."""
    if (day := budget.due(now)) is not None:
        budget.begin(day, {})


def reserve(budget: DayBudget, tenant: str, now: float, key: str) -> bool:
    turn(budget, now)
    return budget.reserve(key, tenant, CALL) is None


def per_tenant(calls: int, zone: ZoneInfo) -> DayBudget:
    return DayBudget(limits(each_tenant=amounts(calls=calls)), zone)


@given(
    st.integers(1, 3),
    st.lists(
        st.tuples(st.sampled_from(TENANTS), st.floats(-DAY, DAY, allow_nan=False)), max_size=60
    ),
)
def test_no_tenant_gets_more_than_a_days_budget_on_a_day_whatever_the_clock_does(
    limit: int, steps: list[tuple[str, float]]
) -> None:
    """Cases 21 and 23: a clock that goes back gives nobody a day twice."""
    budget, now, latest = per_tenant(limit, NEW_YORK), 1.8e9, date.min
    granted: Counter[tuple[str, date]] = Counter()
    for number, (tenant, jump) in enumerate(steps):
        now += jump
        latest = max(latest, datetime.fromtimestamp(now, NEW_YORK).date())
        allowed = reserve(budget, tenant, now, str(number))
        assert allowed is (granted[tenant, latest] < limit)
        granted[tenant, latest] += allowed


@pytest.mark.parametrize(
    "zone",
    ["UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Havana"],
)
@pytest.mark.parametrize(
    "first",
    [date(2026, 3, 7), date(2026, 4, 4), date(2026, 4, 23), date(2026, 10, 31), date(2026, 12, 31)],
    ids=str,
)
def test_a_spent_budget_is_whole_again_once_a_day_at_midnight(zone: str, first: date) -> None:
    """Case 23: three days in quarters of an hour over every kind of change of the clocks, every
    tenant out of budget all the time; in Cairo the clocks change at midnight itself.
    """
    place = ZoneInfo(zone)
    budget, begin = per_tenant(1, place), datetime.combine(first, time(12), place).timestamp()
    granted = [
        datetime.fromtimestamp(begin + i * QUARTER, place)
        for i in range(int(3 * DAY / QUARTER))
        for tenant in TENANTS
        if reserve(budget, tenant, begin + i * QUARTER, f"{tenant}/{i}")
    ]

    days = [first + timedelta(days=n) for n in range(4)]
    assert Counter(moment.date() for moment in granted) == dict.fromkeys(days, 2)
    for moment in granted[2:]:
        assert moment.timestamp() == budget.begins_at(moment.date())


@given(st.sampled_from(["Africa/Cairo", "America/Havana", "Pacific/Apia"]), st.floats(1.2e9, 2e9))
def test_a_day_ends_when_the_next_one_is_due_and_not_before(zone: str, now: float) -> None:
    """Case 23: what is slept until is the moment itself, wherever it is."""
    budget = DayBudget(limits(), ZoneInfo(zone))
    turn(budget, now)
    ends = budget.ends_at
    assert ends > now
    assert budget.due(ends - 0.001) is None
    assert budget.due(ends) is not None


def test_what_was_counted_for_yesterday_is_not_charged_to_today() -> None:
    budget = per_tenant(5, UTC)
    turn(budget, DAY - 1)
    assert budget.reserve("late", "acme", CALL) is None
    turn(budget, DAY + 1)
    budget.begin(date(1970, 1, 1), {"acme": {Meter.TOOL_CALLS: 5}})
    budget.settle("late", {})
    assert budget.used() == {EVERYBODY: dict.fromkeys(Meter, 0)}


CAPS = {EVERYBODY: 12, "acme": 8, "globex": 10}


class OneDayAfterTheOther(RuleBasedStateMachine):
    """Cases 21, 23 and 36: reservations, what was really used, a clock that jumps, restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1.8e9
        self.began: Counter[date] = Counter()
        self.seen = date.min
        # What is on disk: by reservation, its day, tenant, what was reserved and what was used.
        self.rows: dict[str, tuple[date, str, int, int | None]] = {}
        self.orphans: set[str] = set()
        self.start()

    def start(self) -> None:
        caps = {name: amounts(nano=cap) for name, cap in CAPS.items()}
        of_day = limits(caps[EVERYBODY], caps["globex"], {"acme": caps["acme"]})
        self.budget = DayBudget(of_day, NEW_YORK)
        if self.began:
            self.budget.begin(max(self.began), self.on_disk(max(self.began)))
        self.look()

    def look(self) -> None:
        if (day := self.budget.due(self.now)) is not None:
            self.budget.begin(day, self.on_disk(day))
            self.began[day] += 1
        self.seen = max(self.seen, datetime.fromtimestamp(self.now, NEW_YORK).date())

    def on_disk(self, day: date) -> dict[str, dict[Meter, int]]:
        used: Counter[str] = Counter()
        for of_day, tenant, reserved, spent in self.rows.values():
            used[tenant] += (reserved if spent is None else spent) if of_day == day else 0
        return {tenant: {Meter.COST: nano} for tenant, nano in used.items()}

    @rule(tenant=st.sampled_from(TENANTS), nano=st.integers(1, 5))
    def reserve(self, tenant: str, nano: int) -> None:
        self.look()
        used = self.on_disk(self.budget.day)
        of_tenant = used.get(tenant, {}).get(Meter.COST, 0)
        of_all = sum(of.get(Meter.COST, 0) for of in used.values())
        fits = of_tenant + nano <= CAPS[tenant] and of_all + nano <= CAPS[EVERYBODY]
        key = str(len(self.rows))
        refused = self.budget.reserve(key, tenant, {Meter.COST: nano})
        assert (refused is None) is fits
        if refused is None:
            self.rows[key] = (self.budget.day, tenant, nano, None)

    @precondition(lambda self: self.rows)
    @rule(number=st.integers(0, 50), share=st.floats(0, 1))
    def settle(self, number: int, share: float) -> None:
        key = str(number % len(self.rows))
        day, tenant, reserved, spent = self.rows[key]
        # What the last process reserved, nobody settles after a restart.
        if spent is None and key not in self.orphans:
            self.rows[key] = (day, tenant, reserved, int(reserved * share))
            self.budget.settle(key, {Meter.COST: int(reserved * share)})

    @rule(jump=st.floats(-2 * DAY, 2 * DAY) | st.sampled_from([-HOUR, HOUR, 60.0]))
    def move_the_clock(self, jump: float) -> None:
        self.now += jump
        self.look()

    @rule()
    def restart(self) -> None:
        self.orphans |= {key for key, row in self.rows.items() if row[3] is None}
        self.start()

    @invariant()
    def no_day_is_above_its_caps_or_begun_twice(self) -> None:
        for day, count in self.began.items():
            assert count == 1
            used = {tenant: of[Meter.COST] for tenant, of in self.on_disk(day).items()}
            assert sum(used.values()) <= CAPS[EVERYBODY]
            assert all(nano <= CAPS[tenant] for tenant, nano in used.items())
        assert self.budget.day == self.seen

    @invariant()
    def memory_and_disk_agree(self) -> None:
        told = {
            whom: of[Meter.COST]
            for whom, of in self.budget.used().items()
            if whom != EVERYBODY and of[Meter.COST]
        }
        on_disk = self.on_disk(self.budget.day).items()
        assert told == {tenant: of[Meter.COST] for tenant, of in on_disk if of[Meter.COST]}


TestOneDayAfterTheOther = OneDayAfterTheOther.TestCase


def spent(budget: DayBudget, meter: Meter, wanted: int = 1, tenant: str = "acme") -> Spent:
    found = budget.reserve("one more", tenant, {meter: wanted})
    assert found is not None
    return found


def test_the_same_key_twice_is_one_reservation() -> None:
    budget = per_tenant(1, UTC)
    assert [budget.reserve("k", "acme", CALL) for _ in range(3)] == [None] * 3
    assert spent(budget, Meter.TOOL_CALLS).whom == "acme"


def test_a_tenant_that_spends_all_of_everybodys_day_leaves_the_others_nothing() -> None:
    budget = DayBudget(limits(amounts(calls=2)), UTC)
    assert [budget.reserve(k, "acme", CALL) for k in "ab"] == [None, None]
    found = spent(budget, Meter.TOOL_CALLS, tenant="globex")
    assert (found.whom, found.until_tomorrow) == (EVERYBODY, True)


def test_money_that_calls_under_way_may_bring_back_is_not_spent_until_tomorrow() -> None:
    budget = DayBudget(limits(amounts(nano=100)), UTC)
    assert budget.reserve("under way", "acme", {Meter.COST: 80}) is None
    assert not spent(budget, Meter.COST, 40).until_tomorrow
    budget.settle("under way", {Meter.COST: 70})
    assert spent(budget, Meter.COST, 40).until_tomorrow


def test_what_no_day_has_room_for_does_not_wait_for_tomorrow() -> None:
    budget = DayBudget(limits(amounts(nano=100, irreversible=0)), UTC)
    assert not spent(budget, Meter.COST, 101).until_tomorrow
    assert not spent(budget, Meter.IRREVERSIBLE).until_tomorrow


@pytest.mark.parametrize(
    ("meter", "wanted", "said"),
    [
        (Meter.TOOL_CALLS, 1, "today's budget of 0 tool calls for tenant 'acme' is spent"),
        (Meter.IRREVERSIBLE, 1, "today's budget of 2 irreversible actions is spent"),
        (
            Meter.COST,
            30_000_000,
            "today's budget of $5.00 for models has $0.025 left, and this call may cost $0.03",
        ),
    ],
)
def test_a_refusal_says_whose_budget_of_what_is_spent(meter: Meter, wanted: int, said: str) -> None:
    everybody = amounts(nano=5 * NANO, irreversible=2)
    budget = DayBudget(limits(everybody, amounts(calls=0)), UTC)
    budget.begin(date(2026, 1, 1), {"x": {Meter.COST: 4_975_000_000, Meter.IRREVERSIBLE: 2}})
    assert spent(budget, meter, wanted).reason == said


@pytest.mark.parametrize(
    ("nano", "shown"),
    [(0, "$0.00"), (1, "$0.000000001"), (NANO // 4, "$0.25"), (5 * NANO, "$5.00")],
)
def test_money_is_shown_to_the_cent_and_further_where_that_matters(nano: int, shown: str) -> None:
    assert dollars(nano) == shown
