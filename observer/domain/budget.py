"""Tool calls per run: reserved before a call, so that parallel calls never pass the cap."""

from __future__ import annotations


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
