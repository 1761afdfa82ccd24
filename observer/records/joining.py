"""Where a new event belongs: to which occurrence, which session, whose run. Reads only."""

from __future__ import annotations

import time
from dataclasses import dataclass

from observer.domain.event import Event
from observer.domain.occurrence import Latest
from observer.records.database import Database

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

_JOINABLE = (
    "SELECT session_id, stage, status, created_at, rowid FROM sessions WHERE tenant_id = ?"
    # The plus: few are open, while most have a fingerprint.
    " AND +fingerprint IS NOT NULL"
)

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


class Joining:
    """What the intake asks before it stores an event."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
                f"{_JOINABLE} AND {_OPEN} UNION ALL {_JOINABLE} AND {_HANDED_OVER}",
                (tenant_id, tenant_id, since),
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
