"""Which event a delivery is: by the caller's id, by its body within a window, or by its subject."""

from __future__ import annotations

import time

from observer.domain.event import Event, digest
from observer.domain.occurrence import OVER, fired_id
from observer.records.events import Events
from observer.sources import Alert, OngoingAlert, ResolvedAlert


class Recognition:
    """Tells the same delivery again from a new one."""

    def __init__(self, events: Events, window_s: float) -> None:
        self._events = events
        self._window_s = window_s

    async def numbered(self, source: str, alert: OngoingAlert) -> Alert:
        """An alert of something that goes on, with the id of its occurrence."""
        latest = await self._events.latest_of(alert.tenant_id, source, alert.subject)
        fired = fired_id(
            alert.subject, latest, over=alert.over, now=time.time(), window_s=self._window_s
        )
        if not alert.over:
            return alert.model_copy(update={"event_id": fired})
        return ResolvedAlert(**{**dict(alert), "event_id": f"{fired}{OVER}", "resolves": fired})

    def event_ids(self, source: str, alert: Alert, body_hash: str) -> list[str]:
        """The caller's id, or one made from the body and the time; then the one before it."""
        if alert.event_id is not None:
            return [alert.event_id]
        bucket = int(time.time() // self._window_s)
        return [f"body-{digest(source, body_hash, str(b))[:20]}" for b in (bucket, bucket - 1)]

    async def repeated(self, source: str, alert: Alert, event_ids: list[str]) -> Event | None:
        """The stored event that this delivery repeats."""
        known = await self._events.known([digest(alert.tenant_id, source, e) for e in event_ids])
        if known is None or alert.event_id is not None:
            return known
        accepted_at = await self._events.accepted_at(known.key)
        fresh = accepted_at is not None and time.time() - accepted_at < self._window_s
        return known if fresh else None
