"""A tenant's data, found and deleted a little at a time, in one transaction a little.

What stays, and why: the dedupe key of an event, which is a hash; of the ledger's last days which
tool ran when, without anything it said, for budgets and caps count it; and the journal, for its
chain would break. Everything else of an ended session goes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from observer.domain.event import thread_id
from observer.records.database import Connection, Database
from observer.records.old_records import note_stale
from observer.records.past_incidents import PastIncidents

DELETED = (
    "sessions",
    "spans",
    "open_spans",
    "approvals",
    "runs",
    "failures",
    "no_progress",
    "eval_candidates",
    "outcomes_to_follow",
    "past_incidents",
    "past_attempts",
)
REDUCED = {
    "events": "the hash by which a delivery is known again",
    "state_transitions": "which tool ran when, as long as budgets and caps count it",
}
KEPT = {
    "journal": "rows on their way to the chained files",
    "spending": "the day's money, gone at the next midnight; it holds amounts",
    "holds": "who is held now",
    "kill_switches": "who is switched off now",
    "tokens": "who may come in for a tenant",
    "deletions_done": "that its data was deleted: who ordered it, and how much went",
    "known_error_rows": "what a person accepted; what nobody did goes with its session",
}
"""By table, every other one that names a tenant, a session or an event."""

_OF_SESSION = ("spans", "open_spans", "approvals", "runs", "failures", "no_progress")
_CLOSED = (
    "sessions.status IN ('resolved', 'escalated', 'acknowledged', 'failed')"
    " AND sessions.updated_at < ?"
    " AND NOT EXISTS (SELECT 1 FROM events WHERE events.tenant_id = sessions.tenant_id"
    " AND events.session_id = sessions.session_id"
    " AND events.status IN ('queued', 'running', 'waiting'))"
    " AND NOT EXISTS (SELECT 1 FROM approvals WHERE approvals.tenant_id = sessions.tenant_id"
    " AND approvals.session_id = sessions.session_id"
    " AND (approvals.status = 'pending'"
    " OR approvals.answer IS NOT NULL AND approvals.applied_at IS NULL))"
)
_KEYS = "SELECT event_key FROM events WHERE tenant_id = ? AND session_id = ?"
# An event of a subject that we number goes whole: its number must be free again.
_NUMBERED = "json_extract(payload, '$.subject') IS NOT NULL"
_HASH_ONLY = (
    "UPDATE events SET status = 'forgotten', session_id = '', reason = NULL, joined_to = NULL,"
    " payload = json_object('event_id', event_key, 'tenant_id', tenant_id, 'session_id', '',"
    " 'source', json_extract(payload, '$.source'),"
    " 'severity', json_extract(payload, '$.severity'), 'stage', '', 'message', '')"
)
_BARE = (
    "UPDATE state_transitions SET session_id = '', trace_id = '', event_key = '',"
    " tool_input_hash = '', args = '{}', idempotency_key = 'deleted/' || id,"
    " result_summary = NULL, payload = NULL"
)


@dataclass(frozen=True)
class Found:
    """What a deletion would do now."""

    sessions: int
    """That go."""
    open: int
    """That stay: queued, running, waiting for a person, or held."""
    younger: int
    """That stay for their age."""
    incidents: int
    """Past incidents that go."""


@dataclass(frozen=True)
class Closed:
    """A session that may go, and by what the queue knows its events."""

    tenant_id: str
    session_id: str
    items: tuple[tuple[str, ...], ...]
    """What each of the queue's ids is made of."""

    @property
    def thread_id(self) -> str:
        """Its checkpoints' thread."""
        return thread_id(self.tenant_id, self.session_id)


class TenantData:
    """Finds and deletes; `before` is Unix time, and what has changed since stays."""

    def __init__(self, database: Database, past: PastIncidents, *, counted_for_s: float) -> None:
        self._database = database
        self._past = past
        self._counted_for_s = counted_for_s

    async def found(self, tenant_id: str, before: float) -> Found:
        """How much there is to delete, and what stays."""

        def work(connection: Connection) -> Found:
            closed, old, every = connection.execute(
                f"SELECT coalesce(sum({_CLOSED}), 0), coalesce(sum(updated_at < ?), 0), count(*)"
                " FROM sessions WHERE tenant_id = ?",
                (before, before, tenant_id),
            ).fetchone()
            incidents = connection.execute(
                "SELECT count(*) FROM past_incidents WHERE tenant_id = ? AND ended_at < ?",
                (tenant_id, before),
            ).fetchone()[0]
            return Found(closed, old - closed, every - old, incidents)

        return await self._database.read(work)

    async def closed(self, tenant_id: str, before: float, limit: int) -> list[Closed]:
        """Some of the sessions that may go."""

        def work(connection: Connection) -> list[Closed]:
            rows = connection.execute(
                f"SELECT session_id FROM sessions WHERE tenant_id = ? AND {_CLOSED} LIMIT ?",
                (tenant_id, before, limit),
            ).fetchall()
            return [_closed(connection, tenant_id, row["session_id"]) for row in rows]

        return await self._database.read(work)

    async def delete(self, batch: list[tuple[Closed, str | None]], before: float) -> int:
        """Delete sessions with everything of them, but not one that is open again.

        Beside each stands its latest checkpoint: what a later run adds is not of this session.
        """
        return await self._database.write(
            lambda c: sum(self._delete(c, closed, upto, before) for closed, upto in batch)
        )

    def _delete(
        self, connection: Connection, closed: Closed, upto: str | None, before: float
    ) -> bool:
        who = (closed.tenant_id, closed.session_id)
        gone = connection.execute(
            f"DELETE FROM sessions WHERE tenant_id = ? AND session_id = ? AND {_CLOSED}",
            (*who, before),
        ).rowcount
        if not gone:
            return False
        keys = [row["event_key"] for row in connection.execute(_KEYS, who)]
        self._past.forget_in(connection, keys)
        connection.execute(
            "DELETE FROM facts WHERE name IN (SELECT 'met/' || known_error || '/' || event_key"
            f" FROM known_error_statistics, ({_KEYS}))",
            who,
        )
        for table in ("eval_candidates", "outcomes_to_follow"):
            connection.execute(f"DELETE FROM {table} WHERE event_key IN ({_KEYS})", who)
        for table in _OF_SESSION:
            connection.execute(f"DELETE FROM {table} WHERE tenant_id = ? AND session_id = ?", who)
        _forget_proposals(connection, *who)
        of_session = "WHERE tenant_id = ? AND session_id = ?"
        counted_since = time.time() - self._counted_for_s
        connection.execute(
            f"DELETE FROM state_transitions {of_session} AND timestamp < ?", (*who, counted_since)
        )
        connection.execute(f"{_BARE} {of_session}", who)
        connection.execute(f"DELETE FROM events {of_session} AND {_NUMBERED}", who)
        connection.execute(f"{_HASH_ONLY} {of_session}", who)
        if upto is not None:
            note_stale(connection, closed.thread_id, upto)
        return True

    async def delete_left_over(self, tenant_id: str, before: float, limit: int) -> int:
        """What outlived its session, some of it; returns how many rows."""

        def work(connection: Connection) -> int:
            keys = [
                row["event_key"]
                for row in connection.execute(
                    "SELECT event_key FROM past_incidents WHERE tenant_id = ? AND ended_at < ?"
                    " AND NOT EXISTS (SELECT 1 FROM sessions"
                    " WHERE sessions.tenant_id = past_incidents.tenant_id"
                    " AND sessions.session_id = past_incidents.session_id) LIMIT ?",
                    (tenant_id, before, limit),
                )
            ]
            self._past.forget_in(connection, keys)
            known = connection.execute(
                f"{_HASH_ONLY} WHERE seq IN (SELECT seq FROM events WHERE tenant_id = ?"
                " AND status = 'forgotten' AND session_id != '' AND accepted_at < ? LIMIT ?)",
                (tenant_id, before, limit),
            ).rowcount
            failures = connection.execute(
                "DELETE FROM failures WHERE event_key IN (SELECT event_key FROM failures"
                " WHERE tenant_id = ? AND ended_at < ? AND NOT EXISTS (SELECT 1 FROM sessions"
                " WHERE sessions.tenant_id = failures.tenant_id"
                " AND sessions.session_id = failures.session_id) LIMIT ?)",
                (tenant_id, before, limit),
            ).rowcount
            return len(keys) + known + failures

        return await self._database.write(work)

    async def sessions_left(self, tenant_id: str) -> frozenset[str]:
        """The tenant's sessions that are there."""
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT session_id FROM sessions WHERE tenant_id = ?", (tenant_id,)
            ).fetchall()
        )
        return frozenset(row["session_id"] for row in rows)


def _closed(connection: Connection, tenant_id: str, session_id: str) -> Closed:
    who = (tenant_id, session_id)
    keys = [row["event_key"] for row in connection.execute(_KEYS, who)]
    of_session = "WHERE tenant_id = ? AND session_id = ?"
    runs = connection.execute(f"SELECT event_key, trace_id FROM runs {of_session}", who).fetchall()
    asked = connection.execute(f"SELECT id FROM approvals {of_session}", who).fetchall()
    items = [
        *((key,) for key in keys),
        *(("again", key, "") for key in keys),
        *(("again", row["event_key"], row["trace_id"]) for row in runs),
        *(("answer", row["id"]) for row in asked),
    ]
    return Closed(tenant_id, session_id, tuple(items))


def _forget_proposals(connection: Connection, tenant_id: str, session_id: str) -> None:
    """What was learned from a session and nobody ruled on."""
    rows = connection.execute(
        "SELECT id FROM known_error_rows JOIN known_error_rulings ON known_error = id"
        " WHERE tenant_id = ? AND session_id = ? AND status = 'proposed'",
        (tenant_id, session_id),
    ).fetchall()
    ids = [(row["id"],) for row in rows]
    connection.executemany("DELETE FROM known_error_rows WHERE id = ?", ids)
    connection.executemany("DELETE FROM known_error_rulings WHERE known_error = ?", ids)
