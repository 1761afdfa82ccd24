"""When a promise counts: business hours in a time zone, without holidays (seed 002)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Window:
    """Hours of some days of the week, by the clock on the wall of a time zone."""

    name: str
    zone: ZoneInfo
    days: frozenset[int]
    """Monday is 0."""
    opens: time
    closes: time
    """Not after `opens`: the window ends on the day after the one it began on."""
    holidays: frozenset[date] = frozenset()

    def holds(self, at: datetime) -> bool:
        """Whether a breach at this moment (aware of its time zone) counts."""
        local = at.astimezone(self.zone)
        clock, today = local.time(), local.date()
        if self.opens < self.closes:
            return self.opens <= clock < self.closes and self._open_on(today)
        if clock >= self.opens and self._open_on(today):
            return True
        return clock < self.closes and self._open_on(today - timedelta(days=1))

    def _open_on(self, day: date) -> bool:
        return day.weekday() in self.days and day not in self.holidays


ALWAYS = Window("ALWAYS", ZoneInfo("UTC"), frozenset(range(7)), time(), time())
"""Day and night."""
