"""Schedules: which are understood, and which ticks are raised after a silence or a clock's jump."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observer.domain.cron import MOST_MISSED, ON_TIME, Missed, due, next_tick, problem_with

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
HALF_MINUTE = "*/30 * * * * *"
SECOND = timedelta(seconds=1)


def ticks(
    schedule: str,
    upto: datetime,
    now: datetime,
    missed: Missed = "latest",
    zone: ZoneInfo | None = None,
) -> list[datetime]:
    return due(schedule, zone or ZoneInfo("UTC"), upto=upto, now=now, missed=missed)


@pytest.mark.parametrize(
    "schedule", ["*/30 * * * * *", "0 9 * * mon-fri", "*/5 * * * *", "0 0 1 jan ?", "0 0 * * 5#2"]
)
def test_a_schedule_of_five_or_six_fields_is_understood(schedule: str) -> None:
    assert problem_with(schedule) is None


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        ("* * * *", "has 4"),
        ("* * * * * * 2030", "has 7"),
        ("@hourly", "has 1"),
        ("61 * * * *", "out of range"),
        ("0 0 31 2 *", "failed to find next date"),
        ("R * * * *", "a field is made of"),
        ("H/5 * * * *", "a field is made of"),
        ("1,r(1-5) * * * *", "a field is made of"),
        ("x * * * *", "not a cron schedule"),
    ],
)
def test_what_is_no_schedule_is_refused_with_the_reason(schedule: str, problem: str) -> None:
    assert problem in (problem_with(schedule) or "")


@pytest.mark.parametrize("missed", ["skip", "latest", "all"])
def test_a_tick_is_due_once_it_has_come_under_every_policy(missed: Missed) -> None:
    assert ticks(HALF_MINUTE, NOON - 29 * SECOND, NOON, missed) == [NOON]
    assert ticks(HALF_MINUTE, NOON, NOON + 29 * SECOND, missed) == []
    assert ticks(HALF_MINUTE, NOON, NOON + 44 * SECOND, missed) == [NOON + 30 * SECOND]


@pytest.mark.parametrize(
    ("missed", "expected"),
    [("skip", []), ("latest", [600]), ("all", list(range(30, 601, 30)))],
)
def test_missed_ticks_go_by_the_policy(missed: Missed, expected: list[int]) -> None:
    now = NOON + 600 * SECOND + ON_TIME + SECOND
    assert ticks(HALF_MINUTE, NOON, now, missed) == [NOON + s * SECOND for s in expected]


def test_a_tick_on_time_stands_for_the_missed_ones_before_it() -> None:
    assert ticks(HALF_MINUTE, NOON, NOON + timedelta(hours=1)) == [NOON + timedelta(hours=1)]


def test_all_the_missed_ones_of_a_year_are_only_so_many_and_the_newest() -> None:
    """Case 22."""
    found = ticks("* * * * * *", NOON - timedelta(days=365), NOON, "all")
    on_time = int(ON_TIME / SECOND) + 1
    assert len(found) == MOST_MISSED + on_time
    assert found[-1] == NOON
    assert found == sorted(set(found))


def test_a_clock_a_day_forward_is_no_burst() -> None:
    """Case 22."""
    assert len(ticks(HALF_MINUTE, NOON, NOON + timedelta(days=1))) == 1


def test_a_clock_put_back_has_no_ticks_until_it_has_caught_up() -> None:
    """Case 21."""
    for minutes in range(60):
        assert ticks(HALF_MINUTE, NOON, NOON - timedelta(minutes=minutes), "all") == []
    assert ticks(HALF_MINUTE, NOON, NOON + 30 * SECOND, "all") == [NOON + 30 * SECOND]


def test_an_hour_that_a_day_does_not_have_is_taken_at_its_end() -> None:
    """Case 23."""
    before = datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert next_tick("30 2 * * *", BERLIN, before) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_an_hour_that_a_day_has_twice_ticks_twice() -> None:
    """Case 23."""
    evening = datetime(2026, 10, 25, 6, tzinfo=UTC)
    assert ticks("30 2 * * *", evening - timedelta(hours=9), evening, "all", BERLIN) == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    ]


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from([HALF_MINUTE, "*/5 * * * *", "30 2 * * *", "15 1-3 * * *", "0 0 * * 0"]),
    st.integers(0, 220 * 86400).map(lambda s: datetime(2026, 3, 27, tzinfo=UTC) + s * SECOND),
    st.lists(st.integers(1, 5000), min_size=1, max_size=8),
)
def test_however_often_one_looks_each_tick_comes_once_and_in_order(
    schedule: str, begin: datetime, waits: list[int]
) -> None:
    """What is due now and what comes next agree, also where clocks are changed."""
    expected: list[datetime] = []
    raised: list[datetime] = []
    upto = begin
    following = next_tick(schedule, BERLIN, begin)
    for wait in waits:
        now = upto + wait * SECOND
        raised += ticks(schedule, upto, now, "all", BERLIN)
        fresh: list[datetime] = []
        while following <= now:
            fresh.append(following)
            following = next_tick(schedule, BERLIN, following)
        on_time = [tick for tick in fresh if now - tick <= ON_TIME]
        late = [tick for tick in fresh if now - tick > ON_TIME]
        expected += late[-MOST_MISSED:] + on_time
        upto = now
    assert raised == expected
