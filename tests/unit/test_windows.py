"""When a breach counts: by the wall clock of the window's own time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.windows import ALWAYS, Window

NEW_YORK = ZoneInfo("America/New_York")
WEEKDAYS = frozenset(range(5))
TRADING = Window(
    "TRADING", NEW_YORK, WEEKDAYS, time(9, 30), time(16), frozenset([date(2026, 11, 26)])
)
NIGHT = Window("NIGHT", NEW_YORK, WEEKDAYS, time(22), time(6), frozenset([date(2026, 11, 26)]))


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        ("2026-11-25 09:29", False),
        ("2026-11-25 09:30", True),
        ("2026-11-25 15:59", True),
        ("2026-11-25 16:00", False),
        ("2026-11-26 12:00", False),  # a holiday
        ("2026-11-28 12:00", False),  # a Saturday
    ],
)
def test_business_hours_begin_with_their_first_minute_and_end_before_their_last(
    at: str, counts: bool
) -> None:
    assert TRADING.holds(datetime.fromisoformat(at).replace(tzinfo=NEW_YORK)) is counts


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        ("2026-11-25 21:59", False),
        ("2026-11-25 22:00", True),  # a Wednesday
        ("2026-11-26 05:59", True),  # still Wednesday's night, though Thursday is a holiday
        ("2026-11-26 22:00", False),
        ("2026-11-27 05:59", False),
        ("2026-11-28 05:59", True),  # Friday's night
        ("2026-11-30 05:59", False),  # Sunday's
    ],
)
def test_a_night_belongs_to_the_day_it_began_on(at: str, counts: bool) -> None:
    assert NIGHT.holds(datetime.fromisoformat(at).replace(tzinfo=NEW_YORK)) is counts


@pytest.mark.parametrize("day", ["2026-03-06", "2026-03-09", "2026-10-30", "2026-11-02"])
def test_it_opens_by_the_wall_clock_before_and_after_the_clocks_change(day: str) -> None:
    opening = datetime.fromisoformat(f"{day} 09:30").replace(tzinfo=NEW_YORK).astimezone(UTC)
    assert TRADING.holds(opening)
    assert opening.hour == (13 if day in ("2026-03-09", "2026-10-30") else 14)


@given(st.datetimes(timezones=st.just(UTC)))
def test_always_is_always(at: datetime) -> None:
    assert ALWAYS.holds(at)
