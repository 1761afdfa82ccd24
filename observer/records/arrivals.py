"""What came in, written down: an event, its session and its journal line in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from observer.domain.event import Event, Severity
from observer.domain.occurrence import OVER
from observer.records.database import Connection, Database
from observer.records.failures import note_resolved
from observer.records.journal import Journal

Listener = Callable[[Event, str], None]
"""Told of an event and its status: queued, joined, or done at once."""


@dataclass(frozen=True)
class _Arrival:
    """How an event is stored, and what is said of it."""

    status: str
    session_status: str
    """Of a session that begins with it."""
    severity: Severity | None
    decision: str
    fingerprint: str | None = None
    reason: str | None = None
    joined_to: str | None = None


class Arrivals:
    """Writes events that are new."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Tell of every event that is new, once it is on disk; on the records' own thread."""
        self._listeners.append(listener)

    async def acknowledge(
        self,
        event: Event,
        *,
        body_hash: str,
        severity: Severity | None,
        decision: str,
        resolves: str | None = None,
    ) -> bool:
        """Store an event as done, with its journal line, in one transaction; false: a duplicate.

        `resolves` is the key of the event that is over by this one.
        """
        arrival = _Arrival("done", "acknowledged", severity, decision, reason=decision)

        def work(connection: Connection) -> bool:
            fresh = self._admit(connection, event, body_hash, arrival)
            if fresh and resolves is not None:
                connection.execute(
                    # Of a subject also the occurrences whose end nobody told.
                    "UPDATE events SET resolved_at = ? WHERE resolved_at IS NULL AND"
                    " (event_key = ? OR tenant_id = ? AND json_extract(payload, '$.subject') = ?"
                    " AND json_extract(payload, '$.event_id') NOT LIKE ?)",
                    (time.time(), resolves, event.tenant_id, event.subject, f"%{OVER}"),
                )
                note_resolved(connection, event.tenant_id)
            return fresh

        return await self._database.write(work)

    async def note(
        self, event: Event, *, body_hash: str, covers: Callable[[Event], bool]
    ) -> bool | None:
        """Store an event that the run of a waiting one of its session will look into.

        None: there is none such, and nothing was stored; false: it was stored before. In one
        transaction, so that the waiting one's run cannot have begun in between.
        """

        def work(connection: Connection) -> bool | None:
            rows = connection.execute(
                "SELECT event_key, payload FROM events WHERE tenant_id = ? AND session_id = ?"
                " AND status = 'queued' AND NOT EXISTS (SELECT 1 FROM runs"
                " WHERE runs.tenant_id = events.tenant_id"
                " AND runs.session_id = events.session_id"
                # One that is tried again goes on from what was seen before.
                " AND runs.event_key = events.event_key) ORDER BY seq",
                (event.tenant_id, event.session_id),
            )
            for row in rows:
                waiting = Event.model_validate_json(row["payload"])
                if waiting.key != event.key and covers(waiting):
                    return self._admit(connection, event, body_hash, _with(waiting, event))
            return None

        return await self._database.write(work)

    async def admit(self, event: Event, *, body_hash: str, fingerprint: str | None) -> bool:
        """Store an enqueued event; false: it was stored before."""
        arrival = _Arrival("queued", "queued", event.severity, "accepted", fingerprint)
        return await self._database.write(lambda c: self._admit(c, event, body_hash, arrival))

    def _admit(
        self, connection: Connection, event: Event, body_hash: str, arrival: _Arrival
    ) -> bool:
        now = time.time()
        inserted = connection.execute(
            "INSERT INTO events (event_key, tenant_id, session_id, status, payload, body_hash,"
            " reason, joined_to, accepted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (event_key) DO NOTHING",
            (
                event.key,
                event.tenant_id,
                event.session_id,
                arrival.status,
                event.model_dump_json(),
                body_hash,
                arrival.reason,
                arrival.joined_to,
                now,
            ),
        ).rowcount
        if not inserted:
            return False
        begins_ended = arrival.session_status == "acknowledged"
        connection.execute(
            "INSERT INTO sessions (tenant_id, session_id, status, severity, stage, fingerprint,"
            " outcome, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (tenant_id, session_id) DO UPDATE SET updated_at = excluded.updated_at,"
            # An ended session that gets more work is open again; an INFO opens nothing.
            " status = CASE WHEN excluded.status = 'queued' AND sessions.status IN"
            " ('resolved', 'escalated', 'acknowledged', 'failed')"
            " THEN excluded.status ELSE sessions.status END",
            (
                event.tenant_id,
                event.session_id,
                arrival.session_status,
                arrival.severity,
                event.stage,
                arrival.fingerprint,
                arrival.session_status if begins_ended else None,
                now,
                now,
            ),
        )
        fired: dict[str, Any] = {"redacted": event.redacted} if event.redacted else {}
        self._journal.append(
            connection,
            "event",
            tenant_id=event.tenant_id,
            session_id=event.session_id,
            event_id=event.event_id,
            severity=event.severity,
            stage=event.stage,
            message=event.message,
            decision=arrival.decision,
            **fired,
        )
        self._database.after_commit(lambda: self._tell(event, arrival.status))
        return True

    def _tell(self, event: Event, status: str) -> None:
        for listener in self._listeners:
            listener(event, status)


def _with(waiting: Event, event: Event) -> _Arrival:
    note = f"joined: will be looked into with {waiting.event_id}"
    return _Arrival("joined", "queued", event.severity, note, reason=note, joined_to=waiting.key)
