"""Accepted events as they are stored: which are known, which are unfinished. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from observer.domain.event import Event
from observer.records.joining import Joining

_STORED = (
    "SELECT events.*, EXISTS (SELECT 1 FROM events AS other"
    " WHERE other.tenant_id = events.tenant_id AND other.session_id = events.session_id"
    " AND other.status = 'waiting' AND other.seq != events.seq) AS session_asks FROM events"
)

_FAILING_SINCE = (
    "SELECT events.accepted_at FROM events AS this JOIN events"
    " ON events.tenant_id = this.tenant_id AND events.session_id = this.session_id"
    " WHERE this.event_key = ? AND events.seq <= this.seq"
    " AND events.seq > coalesce((SELECT max(healed.seq) FROM runs JOIN events AS healed"
    " ON healed.event_key = runs.event_key WHERE runs.tenant_id = this.tenant_id"
    " AND runs.session_id = this.session_id AND runs.outcome = 'resolved'"
    " AND healed.seq < this.seq), 0)"
    " AND (events.status != 'done' OR EXISTS (SELECT 1 FROM runs"
    " WHERE runs.tenant_id = this.tenant_id AND runs.session_id = this.session_id"
    " AND runs.event_key = events.event_key))"
    " AND (events.resolved_at IS NULL OR events.seq = this.seq)"
    " ORDER BY events.seq LIMIT 1"
)


@dataclass(frozen=True)
class StoredEvent:
    """An accepted event with its place in its session and what became of it so far."""

    seq: int
    key: str
    status: str
    attempts: int
    event: Event
    accepted_at: float
    """Unix time."""
    session_asks: bool
    """Whether another event of its session waits for a person's answer, or to take it up."""


class Events(Joining):
    """What the doors and the worker ask about events; `Sessions` writes them."""

    async def known(self, event_keys: list[str]) -> Event | None:
        """The newest stored event with one of these keys."""
        marks = ", ".join("?" * len(event_keys))
        row = await self._database.read(
            lambda c: c.execute(
                f"SELECT payload FROM events WHERE event_key IN ({marks})"
                " ORDER BY seq DESC LIMIT 1",
                event_keys,
            ).fetchone()
        )
        return None if row is None else Event.model_validate_json(row["payload"])

    async def accepted_at(self, event_key: str) -> float | None:
        """When an event was accepted."""
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT accepted_at FROM events WHERE event_key = ?", (event_key,)
            ).fetchone()
        )
        return None if row is None else row["accepted_at"]

    async def failing_since(self, event_key: str) -> float | None:
        """When the failure that an event is about came in: its session's first event after the
        last one that was healed, as Unix time. What was only acknowledged is no failure, and what
        its source has called over is another one.
        """
        row = await self._database.read(
            lambda c: c.execute(_FAILING_SINCE, (event_key,)).fetchone()
        )
        return None if row is None else row["accepted_at"]

    async def unfinished(self, event: Event) -> list[StoredEvent]:
        """The unfinished events of the event's session up to the event itself, in order."""
        rows = await self._database.read(
            lambda c: c.execute(
                f"{_STORED} WHERE tenant_id = ? AND session_id = ?"
                " AND status IN ('queued', 'running')"
                " AND seq <= (SELECT seq FROM events WHERE event_key = ?) ORDER BY seq",
                (event.tenant_id, event.session_id, event.key),
            ).fetchall()
        )
        return [_stored(row) for row in rows]

    async def event(self, event_key: str) -> StoredEvent | None:
        """One stored event."""
        row = await self._database.read(
            lambda c: c.execute(f"{_STORED} WHERE event_key = ?", (event_key,)).fetchone()
        )
        return None if row is None else _stored(row)

    async def parked(self, tenant_id: str, session_id: str) -> list[StoredEvent]:
        """The session's events that were given up: what `resume` picks up."""
        return await self._of_session(tenant_id, session_id, "dead")

    async def waiting(self, tenant_id: str, session_id: str) -> list[StoredEvent]:
        """The session's events that wait for a person's answer, or to take it up."""
        return await self._of_session(tenant_id, session_id, "waiting")

    async def _of_session(self, tenant_id: str, session_id: str, status: str) -> list[StoredEvent]:
        rows = await self._database.read(
            lambda c: c.execute(
                f"{_STORED} WHERE tenant_id = ? AND session_id = ? AND status = ? ORDER BY seq",
                (tenant_id, session_id, status),
            ).fetchall()
        )
        return [_stored(row) for row in rows]

    async def left_over(self) -> list[StoredEvent]:
        """Every unfinished event of every session."""
        rows = await self._database.read(
            # The plus: few are unfinished, and to sort them beats to read all events in order.
            lambda c: c.execute(
                f"{_STORED} WHERE status IN ('queued', 'running') ORDER BY +seq"
            ).fetchall()
        )
        return [_stored(row) for row in rows]

    async def last_trace(self, stored: StoredEvent) -> str | None:
        """The trace of an event's latest run."""
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT trace_id FROM runs WHERE tenant_id = ? AND session_id = ?"
                " AND event_key = ? ORDER BY started_at DESC LIMIT 1",
                (stored.event.tenant_id, stored.event.session_id, stored.key),
            ).fetchone()
        )
        return None if row is None else row["trace_id"]


def _stored(row: Any) -> StoredEvent:
    event = Event.model_validate_json(row["payload"])
    return StoredEvent(
        seq=row["seq"],
        key=row["event_key"],
        status=row["status"],
        attempts=row["attempts"],
        event=event,
        accepted_at=row["accepted_at"],
        session_asks=bool(row["session_asks"]),
    )
