"""Sessions, their events and their runs: what came in, what became of it. Written here only."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from observer.domain.event import Event, Severity, thread_id
from observer.records.arrivals import Arrivals
from observer.records.candidates import EvalCandidates
from observer.records.database import Connection, Database
from observer.records.events import StoredEvent
from observer.records.journal import Journal
from observer.records.old_records import note_stale


@dataclass(frozen=True)
class Checkpoint:
    """Where an earlier run of the same event stopped."""

    checkpoint: str
    """LangGraph's id of it."""
    after_step: int


def _nothing(_connection: Connection, _trace_id: str) -> None:
    """There is nothing to be ended."""


class Sessions(Arrivals):
    """The one writer of `sessions`, `events` and `runs`; an event that ends leaves a candidate."""

    def __init__(self, database: Database, journal: Journal, *, configuration: str = "") -> None:
        super().__init__(database, journal)
        self.candidates = EvalCandidates(database, journal, configuration)

    async def revive(self, stored: StoredEvent) -> bool:
        """A person asked for another try; false: the event is not given up, or not any more."""
        event = stored.event

        def work(connection: Connection) -> bool:
            revived = connection.execute(
                "UPDATE events SET status = 'queued', attempts = 0, reason = NULL"
                " WHERE seq = ? AND status = 'dead'",
                (stored.seq,),
            ).rowcount
            if not revived:
                return False
            connection.execute(
                "UPDATE sessions SET status = 'queued', updated_at = ?"
                " WHERE tenant_id = ? AND session_id = ? AND status = 'failed'",
                (time.time(), event.tenant_id, event.session_id),
            )
            self._journal.append(
                connection,
                "event",
                tenant_id=event.tenant_id,
                session_id=event.session_id,
                event_id=event.event_id,
                decision="redelivered: a person asked for another try",
            )
            return True

        return await self._database.write(work)

    async def begin_run(
        self,
        stored: StoredEvent,
        trace_id: str,
        *,
        goes_on: Checkpoint | None = None,
        end_cut: Callable[[Connection, str], None] = _nothing,
    ) -> bool:
        """A run of this event starts; whether it had one before.

        Runs of it that a crash cut are marked so, and ended.
        """
        event = stored.event

        def work(connection: Connection) -> bool:
            now = time.time()
            again = connection.execute(
                "SELECT 1 FROM runs WHERE tenant_id = ? AND session_id = ? AND event_key = ?",
                (event.tenant_id, event.session_id, stored.key),
            ).fetchone()
            cut = connection.execute(
                "UPDATE runs SET status = 'interrupted', ended_at = ?"
                " WHERE event_key = ? AND status = 'running' RETURNING trace_id",
                (now, stored.key),
            ).fetchall()
            for row in cut:
                end_cut(connection, row["trace_id"])
            connection.execute(
                "INSERT INTO runs (trace_id, tenant_id, session_id, event_key, status,"
                " started_at) VALUES (?, ?, ?, ?, 'running', ?)",
                (trace_id, event.tenant_id, event.session_id, stored.key, now),
            )
            connection.execute("UPDATE events SET status = 'running' WHERE seq = ?", (stored.seq,))
            self._touch(connection, event, "running")
            self._journal.append(
                connection,
                "run",
                tenant_id=event.tenant_id,
                session_id=event.session_id,
                trace_id=trace_id,
                event_id=event.event_id,
                attempt=stored.attempts + 1,
                cut=[row["trace_id"] for row in cut],
                **({} if goes_on is None else asdict(goes_on)),
            )
            return again is not None

        return await self._database.write(work)

    def end_run(
        self,
        connection: Connection,
        stored: StoredEvent,
        trace_id: str,
        *,
        run_status: str,
        event_status: str,
        session_status: str,
        outcome: str | None = None,
        report: str | None = None,
        severity: Severity | None = None,
        remedy: str | None = None,
        reason: str | None = None,
    ) -> None:
        """A run ended: it, its event and its session in the given transaction."""
        now = time.time()
        event = stored.event
        connection.execute(
            "UPDATE runs SET status = ?, outcome = ?, report = ?, ended_at = ? WHERE trace_id = ?",
            (run_status, outcome, report, now, trace_id),
        )
        connection.execute(
            "UPDATE events SET status = ?, reason = ?, attempts = attempts + ? WHERE seq = ?",
            (event_status, reason, int(run_status == "failed"), stored.seq),
        )
        connection.execute(
            "UPDATE sessions SET status = CASE WHEN ? != 'waiting_approval' AND EXISTS"
            " (SELECT 1 FROM events WHERE tenant_id = sessions.tenant_id"
            " AND session_id = sessions.session_id AND status = 'queued')"
            " THEN 'queued' ELSE ? END, outcome = coalesce(?, outcome),"
            " report = coalesce(?, report), severity = coalesce(?, severity), updated_at = ?"
            " WHERE tenant_id = ? AND session_id = ?",
            (
                session_status,
                session_status,
                outcome,
                report,
                severity,
                now,
                event.tenant_id,
                event.session_id,
            ),
        )
        if run_status == "done":
            note_stale(connection, thread_id(event.tenant_id, event.session_id))
        calls = connection.execute(
            "SELECT count(*) FROM state_transitions WHERE event_key = ? AND trace_id = ?",
            (stored.key, trace_id),
        ).fetchone()
        if event_status in ("done", "dead"):
            self.candidates.keep_in(
                connection,
                stored,
                outcome=outcome or session_status,
                report=report,
                severity=severity or event.severity,
                remedy=remedy,
                reason=reason,
            )
        self._journal.append(
            connection,
            "outcome",
            tenant_id=event.tenant_id,
            session_id=event.session_id,
            trace_id=trace_id,
            event_id=event.event_id,
            run=run_status,
            event=event_status,
            outcome=outcome,
            severity=severity,
            remedy=remedy,
            tool_calls=calls[0],
            reason=reason,
        )

    async def join(self, stored: StoredEvent, note: str, *, to: str) -> None:
        """Record an event on its session without a run of its own, with the one of this key."""

        def work(connection: Connection) -> None:
            connection.execute(
                "UPDATE events SET status = 'joined', reason = ?, joined_to = ? WHERE seq = ?",
                (note, to, stored.seq),
            )
            self._journal.append(
                connection,
                "event",
                tenant_id=stored.event.tenant_id,
                session_id=stored.event.session_id,
                event_id=stored.event.event_id,
                decision=note,
            )

        await self._database.write(work)

    def _touch(self, connection: Connection, event: Event, status: str) -> None:
        connection.execute(
            "UPDATE sessions SET status = ?, updated_at = ? WHERE tenant_id = ? AND session_id = ?",
            (status, time.time(), event.tenant_id, event.session_id),
        )
