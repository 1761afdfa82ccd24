"""What may go: ended sessions with everything of them, event keys nobody will send again.

Never what is unfinished, asks a person, has an answer nobody took up, or is a dead letter.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from observer.domain.event import thread_id
from observer.records.database import Connection, Database
from observer.records.journal import Journal

_MAY_GO = (
    # The plus: the oldest first by index, not sorted from each status.
    "+status IN ('resolved', 'escalated', 'acknowledged', 'failed') AND updated_at < ?"
    " AND NOT EXISTS (SELECT 1 FROM events WHERE events.tenant_id = sessions.tenant_id"
    " AND events.session_id = sessions.session_id"
    " AND events.status IN ('queued', 'running', 'waiting', 'dead'))"
    " AND NOT EXISTS (SELECT 1 FROM approvals WHERE approvals.tenant_id = sessions.tenant_id"
    " AND approvals.session_id = sessions.session_id"
    " AND (approvals.status = 'pending'"
    " OR approvals.answer IS NOT NULL AND approvals.applied_at IS NULL))"
)
_EVENTS = "FROM events WHERE tenant_id = ? AND session_id = ?"
_QUEUED = "json_extract(payload, '$.severity') IS NOT 'INFO'"
_ONLY_THE_KEY = (
    "json_object('event_id', json_extract(payload, '$.event_id'),"
    " 'source', json_extract(payload, '$.source'), 'stage', json_extract(payload, '$.stage'),"
    " 'severity', json_extract(payload, '$.severity'),"
    " 'subject', json_extract(payload, '$.subject'),"
    " 'tenant_id', tenant_id, 'session_id', session_id, 'message', '')"
)


@dataclass(frozen=True)
class OldSession:
    """A session that may go, with the queued events whose keys may go with it."""

    row: int
    updated_at: float
    tenant_id: str
    session_id: str
    has_runs: bool
    old_keys: list[str]

    @property
    def thread_id(self) -> str:
        """Its checkpoints' thread."""
        return thread_id(self.tenant_id, self.session_id)


@dataclass(frozen=True)
class StaleThread:
    """Checkpoints that may go: all up to one, or all but the latest."""

    thread_id: str
    upto: str | None
    noted_at: float


def note_stale(connection: Connection, thread: str, upto: str | None = None) -> None:
    """A thread's checkpoints may go, in the transaction that makes it so."""
    connection.execute(
        "INSERT OR REPLACE INTO stale_threads (thread_id, upto, noted_at) VALUES (?, ?, ?)",
        (thread, upto, time.time()),
    )


class OldRecords:
    """Finds and deletes, a few at a time, so that the writer is never held for long."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    async def ended_sessions(
        self, before: float, keys_before: float, after: OldSession | None, limit: int
    ) -> list[OldSession]:
        """The next sessions that have not changed since a moment and may go, oldest first."""

        def work(connection: Connection) -> list[OldSession]:
            begin = (0.0, 0) if after is None else (after.updated_at, after.row)
            rows = connection.execute(
                "SELECT rowid AS row, updated_at, tenant_id, session_id, EXISTS (SELECT 1 FROM runs"
                " WHERE runs.tenant_id = sessions.tenant_id"
                " AND runs.session_id = sessions.session_id) AS has_runs"
                f" FROM sessions WHERE {_MAY_GO} AND (updated_at, rowid) > (?, ?)"
                " ORDER BY updated_at, rowid LIMIT ?",
                (before, *begin, limit),
            ).fetchall()
            return [
                OldSession(
                    **{**dict(row), "has_runs": bool(row["has_runs"])},
                    old_keys=_queued_keys(
                        connection, row["tenant_id"], row["session_id"], keys_before
                    ),
                )
                for row in rows
            ]

        return await self._database.read(work)

    async def delete(
        self, batch: list[tuple[OldSession, str | None]], *, before: float, keys_before: float
    ) -> int:
        """Delete sessions with everything of them, but not one that may not go any more.

        Beside each stands its latest checkpoint: what a later run adds is not of this session.
        """
        return await self._database.write(
            lambda c: sum(_delete(c, old, upto, before, keys_before) for old, upto in batch)
        )

    async def old_keys(self, before: float, limit: int) -> list[tuple[str, bool]]:
        """Keys of deleted sessions' events that were accepted before a moment; whether queued."""
        rows = await self._database.read(
            lambda c: c.execute(
                f"SELECT event_key, {_QUEUED} AS queued FROM events WHERE status = 'forgotten'"
                " AND accepted_at < ? ORDER BY accepted_at LIMIT ?",
                (before, limit),
            ).fetchall()
        )
        return [(row["event_key"], bool(row["queued"])) for row in rows]

    async def delete_keys(self, keys: list[str]) -> None:
        """From now on these deliveries are new again."""
        await self._database.write(
            lambda c: c.executemany(
                "DELETE FROM events WHERE event_key = ? AND status = 'forgotten'",
                [(key,) for key in keys],
            )
        )

    async def delete_bare(self, before: float, limit: int) -> int:
        """What a deletion left of the ledger and nobody counts any more; returns how many rows."""
        return await self._database.write(
            lambda c: (
                c.execute(
                    "DELETE FROM state_transitions WHERE id IN (SELECT id FROM state_transitions"
                    " WHERE session_id = '' AND timestamp < ? LIMIT ?)",
                    (before, limit),
                ).rowcount
            )
        )

    async def delete_done_orders(self, before: float, limit: int) -> int:
        """What came of orders to delete, from before a moment; returns how many."""
        return await self._database.write(
            lambda c: (
                c.execute(
                    "DELETE FROM deletions_done WHERE id IN (SELECT id FROM deletions_done"
                    " WHERE done_at < ? LIMIT ?)",
                    (before, limit),
                ).rowcount
            )
        )

    async def stale_threads(self, limit: int) -> list[StaleThread]:
        """Threads with checkpoints that may go, a few of them."""
        rows = await self._database.read(
            lambda c: c.execute("SELECT * FROM stale_threads LIMIT ?", (limit,)).fetchall()
        )
        return [StaleThread(*row) for row in rows]

    async def cleared(self, threads: list[StaleThread]) -> None:
        """Their checkpoints are gone; a thread noted again meanwhile stays noted."""
        await self._database.write(
            lambda c: c.executemany(
                "DELETE FROM stale_threads WHERE thread_id = ? AND noted_at = ?",
                [(thread.thread_id, thread.noted_at) for thread in threads],
            )
        )

    async def note(self, counts: Mapping[str, int]) -> None:
        """What was cleared away, in the journal."""
        await self._database.write(lambda c: self._journal.append(c, "retention", deleted=counts))


def _queued_keys(
    connection: Connection, tenant_id: str, session_id: str, before: float
) -> list[str]:
    rows = connection.execute(
        f"SELECT event_key {_EVENTS} AND accepted_at < ? AND {_QUEUED}",
        (tenant_id, session_id, before),
    )
    return [row["event_key"] for row in rows]


def _delete(
    connection: Connection, old: OldSession, upto: str | None, before: float, keys_before: float
) -> bool:
    who = (old.tenant_id, old.session_id)
    gone = connection.execute(
        f"DELETE FROM sessions WHERE tenant_id = ? AND session_id = ? AND {_MAY_GO}",
        (*who, before),
    ).rowcount
    if not gone:
        return False
    if old.has_runs:
        connection.execute(
            "DELETE FROM facts WHERE name IN (SELECT 'met/' || known_error || '/' || event_key"
            f" FROM known_error_statistics, (SELECT event_key {_EVENTS}))",
            who,
        )
        connection.execute(
            f"DELETE FROM eval_candidates WHERE event_key IN (SELECT event_key {_EVENTS})", who
        )
        for table in ("spans", "open_spans", "state_transitions", "approvals", "runs"):
            connection.execute(f"DELETE FROM {table} WHERE tenant_id = ? AND session_id = ?", who)
    connection.execute(f"DELETE {_EVENTS} AND accepted_at < ?", (*who, keys_before))
    connection.execute(
        f"UPDATE events SET status = 'forgotten', payload = {_ONLY_THE_KEY}, reason = NULL"
        " WHERE tenant_id = ? AND session_id = ?",
        who,
    )
    if upto is not None:
        note_stale(connection, old.thread_id, upto)
    return True
