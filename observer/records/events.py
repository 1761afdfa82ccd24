"""Accepted events as they are stored: which are known, which are unfinished. Reads only."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from observer.domain.event import Event
from observer.domain.occurrence import Latest
from observer.records.database import Database

_STORED = (
    "SELECT events.*, EXISTS (SELECT 1 FROM events AS other"
    " WHERE other.tenant_id = events.tenant_id AND other.session_id = events.session_id"
    " AND other.status = 'waiting' AND other.seq != events.seq) AS session_asks FROM events"
)

_OPEN = "sessions.status IN ('queued', 'running', 'waiting_approval', 'suspended')"

_HANDED_OVER = """
sessions.status = 'escalated' AND sessions.updated_at > ? AND EXISTS (
    SELECT 1 FROM events WHERE events.tenant_id = sessions.tenant_id
    AND events.session_id = sessions.session_id AND events.resolved_at IS NULL
    AND json_extract(events.payload, '$.source') != 'native'
    AND (events.reason IS NULL OR events.joined_to IS NOT NULL)  -- not one that was only noted
)
"""
_HANDED_OVER_FOR_S = 86400.0

_TOGETHER = """
WITH RECURSIVE
up (event_key, joined_to) AS (
    SELECT event_key, joined_to FROM events WHERE event_key = ?
    UNION SELECT events.event_key, events.joined_to
    FROM events JOIN up ON events.event_key = up.joined_to
),
down (event_key, resolved_at) AS (
    SELECT events.event_key, events.resolved_at
    FROM events JOIN up ON events.event_key = up.event_key AND up.joined_to IS NULL
    UNION SELECT events.event_key, events.resolved_at
    FROM events JOIN down ON events.joined_to = down.event_key
)
SELECT (SELECT event_key FROM up WHERE joined_to IS NULL) AS top, EXISTS (
    SELECT 1 FROM down WHERE event_key != ? AND resolved_at IS NULL
) AS others_fire
"""


@dataclass(frozen=True)
class Together:
    """Events that one run looks into."""

    top: str
    """The key of the one whose run it is."""
    others_fire: bool
    """Whether another of them has not been resolved."""


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


class Events:
    """What the doors and the worker ask about events; `Sessions` writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

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

    async def latest_of(self, tenant_id: str, source: str, subject: str) -> Latest | None:
        """The newest event of a subject."""
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT payload, accepted_at, EXISTS (SELECT 1 FROM sessions"
                " WHERE sessions.tenant_id = events.tenant_id"
                f" AND sessions.session_id = events.session_id AND {_OPEN}) AS open FROM events"
                " WHERE tenant_id = ? AND json_extract(payload, '$.subject') = ?"
                " AND json_extract(payload, '$.source') = ? ORDER BY seq DESC LIMIT 1",
                (tenant_id, subject, source),
            ).fetchone()
        )
        if row is None:
            return None
        event = Event.model_validate_json(row["payload"])
        return Latest(event.event_id, row["accepted_at"], session_open=bool(row["open"]))

    async def failing_since(self, event_key: str) -> float | None:
        """When the failure that an event is about came in: its session's first event after the
        last one that was healed, as Unix time. What was only acknowledged is no failure, and what
        its source has called over is another one.
        """
        row = await self._database.read(
            lambda c: c.execute(_FAILING_SINCE, (event_key,)).fetchone()
        )
        return None if row is None else row["accepted_at"]

    async def open_session(self, tenant_id: str, fingerprint: str) -> str | None:
        """The derived session of this fingerprint that has not ended."""
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT session_id FROM sessions WHERE tenant_id = ? AND fingerprint = ?"
                f" AND {_OPEN} ORDER BY created_at DESC LIMIT 1",
                (tenant_id, fingerprint),
            ).fetchone()
        )
        return None if row is None else row["session_id"]

    async def joinable(self, tenant_id: str) -> list[tuple[str, str]]:
        """The derived sessions that an alert may join, with what each is about.

        First those that have not ended, then those that a person got within a day while an alert of
        theirs still fires; the oldest of each first.
        """
        since = time.time() - _HANDED_OVER_FOR_S
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT session_id, stage, status, created_at, rowid FROM sessions"
                # The plus: few are open, while most have a fingerprint.
                " WHERE tenant_id = ? AND +fingerprint IS NOT NULL"
                f" AND ({_OPEN} OR ({_HANDED_OVER}))",
                (tenant_id, since),
            ).fetchall()
        )
        rows.sort(key=lambda row: (row["status"] == "escalated", row["created_at"], row["rowid"]))
        return [(row["session_id"], row["stage"]) for row in rows]

    async def looked_into_with(self, event_key: str) -> Together | None:
        """The event whose run looks into this one, maybe itself, and how the others stand."""
        row = await self._database.read(
            lambda c: c.execute(_TOGETHER, (event_key, event_key)).fetchone()
        )
        return None if row["top"] is None else Together(row["top"], bool(row["others_fire"]))

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
