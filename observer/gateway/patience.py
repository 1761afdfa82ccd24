"""How long each failure has lasted, as autonomy.yaml's patience counts it."""

from __future__ import annotations

import time
from datetime import timedelta

from observer.domain.autonomy import failing_for
from observer.domain.event import Incident
from observer.records.events import Events


class Patience:
    """Counts from when we accepted the first event of a failure; nothing in an alert moves that.

    A clock that is set makes nothing early: forward, only time that has passed here counts; back,
    no time is lost that has.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._noted: dict[str, tuple[float, float]] = {}

    async def failing_for(self, incident: Incident) -> timedelta:
        """How long the failure behind an incident has lasted."""
        since = await self._events.failing_since(incident.event_key)
        steady = time.monotonic()
        by_clock = 0.0 if since is None else time.time() - since
        noted_at, when_noted = self._noted.setdefault(incident.event_key, (steady, by_clock))
        return failing_for(
            by_clock=by_clock, when_noted=when_noted, since_noted=time.monotonic() - noted_at
        )

    def forget(self, event_key: str) -> None:
        """The event is done."""
        self._noted.pop(event_key, None)
