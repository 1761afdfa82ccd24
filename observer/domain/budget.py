"""Tool calls per event and per day: reserved before a call, so that none passes its cap."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, time
from zoneinfo import ZoneInfo


class RunBudget:
    """Counts the calls of each event's handling; escalations are exempt and never asked about."""

    def __init__(self, max_tool_calls_per_run: int) -> None:
        self.limit = max_tool_calls_per_run
        self._used: dict[str, int] = {}

    def knows(self, event_key: str) -> bool:
        """Whether this process has counted for the event yet."""
        return event_key in self._used

    def open(self, event_key: str, already_used: int) -> None:
        """Start counting where the ledger says an earlier process stopped."""
        self._used.setdefault(event_key, already_used)

    def reserve(self, event_key: str) -> bool:
        """Take one call from the budget; false, and nothing taken, when it is spent."""
        used = self._used.get(event_key, 0)
        if used >= self.limit:
            return False
        self._used[event_key] = used + 1
        return True

    def close(self, event_key: str) -> None:
        """The event is done: forget it."""
        self._used.pop(event_key, None)


class DayBudget:
    """Counts each tenant's calls of a calendar day in a time zone.

    A day that has begun never ends early: when the clock goes back over midnight, the later day
    goes on, so that nobody gets a day's budget twice.
    """

    def __init__(self, max_tool_calls_per_day: int, zone: ZoneInfo) -> None:
        self.limit = max_tool_calls_per_day
        self._zone = zone
        self._day = date.min
        self._midnight = 0.0
        self._used: defaultdict[str, int] = defaultdict(int)
        self._opened: set[str] = set()

    def begin(self, now: float) -> float:
        """Open the day of `now` if it is a new one; returns its midnight. Both are Unix times."""
        today = datetime.fromtimestamp(now, self._zone).date()
        if today > self._day:
            self._day = today
            self._midnight = datetime.combine(today, time(), self._zone).timestamp()
            self._used.clear()
            self._opened.clear()
        return self._midnight

    def knows(self, tenant_id: str) -> bool:
        """Whether this process has counted for the tenant on this day yet."""
        return tenant_id in self._opened

    def open(self, tenant_id: str, midnight: float, already_used: int) -> None:
        """Start counting where the ledger says the tenant stands since this midnight."""
        if tenant_id not in self._opened and midnight == self._midnight:
            self._opened.add(tenant_id)
            self._used[tenant_id] += already_used

    def reserve(self, tenant_id: str) -> bool:
        """Take one call from the day's budget; false, and nothing taken, when it is spent."""
        if self._used[tenant_id] >= self.limit:
            return False
        self._used[tenant_id] += 1
        return True
