"""The daemon's states and which may follow which (seed 000)."""

from __future__ import annotations

from enum import StrEnum


class Lifecycle(StrEnum):
    """CREATED to STOPPED; SUSPENDED keeps events and works on none, FAILED waits for a person."""

    CREATED = "CREATED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUSPENDED = "SUSPENDED"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


TRANSITIONS: dict[Lifecycle, tuple[Lifecycle, ...]] = {
    Lifecycle.CREATED: (Lifecycle.STARTING,),
    Lifecycle.STARTING: (Lifecycle.RUNNING, Lifecycle.STOPPING),
    Lifecycle.RUNNING: (Lifecycle.SUSPENDED, Lifecycle.FAILED, Lifecycle.STOPPING),
    Lifecycle.SUSPENDED: (Lifecycle.RUNNING, Lifecycle.FAILED, Lifecycle.STOPPING),
    Lifecycle.FAILED: (Lifecycle.RUNNING, Lifecycle.STOPPING),
    Lifecycle.STOPPING: (Lifecycle.STOPPED,),
    Lifecycle.STOPPED: (),
}


def may_follow(current: Lifecycle, following: Lifecycle) -> bool:
    """Whether the daemon may go from one state to the other."""
    return following in TRANSITIONS[current]


class FailureStreak:
    """Failures in a row of distinct events; one event that keeps failing counts once."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._events: set[str] = set()

    @property
    def count(self) -> int:
        """How many distinct events failed since the last success."""
        return len(self._events)

    def failed(self, event_key: str) -> bool:
        """Note a failure; true when the limit is reached."""
        self._events.add(event_key)
        return self.count >= self.limit

    def succeeded(self) -> None:
        """A run ended well: the streak is over."""
        self._events.clear()
