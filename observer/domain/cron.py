"""Cron schedules: which are understood, and which of their ticks are to be raised now."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Literal, cast

from croniter import croniter  # pyright: ignore[reportMissingTypeStubs]

Missed = Literal["skip", "latest", "all"]

ON_TIME = timedelta(seconds=15)
"""A tick that is raised so late is not a missed one: a restart, or a scheduler's jitter."""

TRUSTED = timedelta(days=1)
"""So far a clock may be put back until what was dealt with is no longer believed."""

MOST_MISSED = 100
"""Of missed ticks at most so many are raised, the newest."""

_FIELD = re.compile(r"^(?![hHrR])[0-9A-Za-z*/,#?-]+$")
"""No `H` and `R`: they stand for a moment of croniter's own choice."""


def problem_with(schedule: str) -> str | None:
    """What is wrong with a schedule; None for nothing."""
    fields = schedule.split()
    if len(fields) not in (5, 6):
        return (
            f"a schedule has 5 fields (minute, hour, day of month, month, day of week), or 6 with"
            f" the second in front; this one has {len(fields)}"
        )
    if not all(_FIELD.match(part) for field in fields for part in field.split(",")):
        return "a field is made of numbers, names, '*', '-', '/', ',' and '#'"
    try:
        _moments(schedule, datetime(2024, 1, 1, tzinfo=UTC)).get_next(datetime)
    except (ValueError, KeyError) as error:
        return f"not a cron schedule: {error}"
    return None


def next_tick(schedule: str, zone: tzinfo, after: datetime) -> datetime:
    """The first tick after a moment, in UTC."""
    return _utc(_moments(schedule, after.astimezone(zone)).get_next(datetime))


def due(
    schedule: str, zone: tzinfo, *, upto: datetime, now: datetime, missed: Missed
) -> list[datetime]:
    """The ticks after `upto` that are to be raised now, the oldest first.

    Those that are on time, always; of those that were missed what the policy says, and never more
    than `MOST_MISSED`. A clock that was put back has no ticks until it has come to `upto` again:
    see `from_wrong_clock`.
    """
    on_time: list[datetime] = []
    late: list[datetime] = []
    for tick in _backwards(schedule, zone, now):
        if tick <= upto:
            break
        if now - tick <= ON_TIME:
            on_time.append(tick)
            continue
        if missed == "skip" or (missed == "latest" and (on_time or late)):
            break
        if len(late) == MOST_MISSED:
            break
        late.append(tick)
    return [*on_time, *late][::-1]


def from_wrong_clock(upto: datetime, now: datetime) -> bool:
    """Whether `upto` lies so far ahead that the clock which said it was wrong."""
    return upto - now > TRUSTED


def _backwards(schedule: str, zone: tzinfo, now: datetime) -> Iterator[datetime]:
    moments = _moments(schedule, (now + timedelta(microseconds=1)).astimezone(zone))
    while True:
        yield _utc(moments.get_prev(datetime))


def _moments(schedule: str, start: datetime) -> Any:
    return cast(Any, croniter)(schedule, start, second_at_beginning=True)


def _utc(moment: Any) -> datetime:
    return cast(datetime, moment).astimezone(UTC)
