"""What runs did, as their health is judged by, and which of them made no progress lately."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from observer.domain.calls import CallStatus, Purpose
from observer.domain.event import Incident
from observer.domain.health import Anomaly, Finding, MadeCall
from observer.records.database import Connection, Database
from observer.records.journal import Journal


@dataclass(frozen=True)
class Lacking:
    """A run that made no progress."""

    session_id: str
    why: str
    at: float
    """Unix time."""


class Progress:
    """The one writer of `no_progress`, whose rows an alarm takes away."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal
        self.news = asyncio.Event()
        """Set after a run without progress was committed."""

    async def calls_of(self, incident: Incident) -> list[MadeCall]:
        """What the handling of an event has called so far, in order."""
        begin = incident.key("")
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT idempotency_key, tool_name, tool_input_hash, purpose, result_status"
                " FROM state_transitions WHERE event_key = ? AND result_status IS NOT NULL"
                " ORDER BY id",
                (incident.event_key,),
            ).fetchall()
        )
        return [
            MadeCall(
                key=row["idempotency_key"],
                place=row["idempotency_key"].removeprefix(begin),
                tool=row["tool_name"],
                input_hash=row["tool_input_hash"],
                purpose=Purpose(row["purpose"]),
                status=CallStatus(row["result_status"]),
            )
            for row in rows
        ]

    async def done_again(self, incident: Incident, times: int) -> Finding | None:
        """An action of this event that as many events of the session took since one was healed."""
        who = (incident.tenant_id, incident.session_id)
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT tool_name, count(DISTINCT event_key) AS times FROM state_transitions"
                " WHERE tenant_id = ? AND session_id = ? AND purpose = ?"
                " AND coalesce(result_status, '') != ? AND timestamp > coalesce("
                " (SELECT max(ended_at) FROM runs WHERE tenant_id = ? AND session_id = ?"
                " AND outcome = 'resolved'), 0) GROUP BY tool_input_hash"
                " HAVING count(DISTINCT event_key) >= ? AND sum(event_key = ?) > 0",
                (*who, Purpose.REMEDY, CallStatus.REFUSED, *who, times, incident.event_key),
            ).fetchone()
        )
        if row is None:
            return None
        seen = f"{row['times']} events of this session ended in {row['tool_name']}, none healed"
        return Finding(Anomaly.STUCK, seen)

    def note(
        self, connection: Connection, incident: Incident, trace_id: str, found: Finding, at: float
    ) -> None:
        """A run ended without progress, in the transaction that ends it; `at` is Unix time."""
        connection.execute(
            "INSERT INTO no_progress VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (incident.event_key, incident.tenant_id, incident.session_id, found.seen, at),
        )
        self._journal.append(
            connection,
            "health",
            tenant_id=incident.tenant_id,
            session_id=incident.session_id,
            trace_id=trace_id,
            anomaly=found.anomaly,
            seen=found.seen,
        )

    async def lacking(self, *, now: float, within_s: float) -> dict[str, list[Lacking]]:
        """By tenant, the runs that made no progress lately; others are forgotten.

        A row of the future, left by a clock that went back, is as near as it is far.
        """

        def work(connection: Connection) -> dict[str, list[Lacking]]:
            connection.execute("DELETE FROM no_progress WHERE abs(at - ?) > ?", (now, within_s))
            found: defaultdict[str, list[Lacking]] = defaultdict(list)
            for row in connection.execute("SELECT * FROM no_progress ORDER BY at"):
                lacking = Lacking(row["session_id"], row["why"], row["at"])
                found[row["tenant_id"]].append(lacking)
            return found

        return await self._database.write(work)

    async def clear(self, tenant_id: str) -> None:
        """What a tenant's runs lacked has had its alarm."""
        await self._database.write(
            lambda c: c.execute("DELETE FROM no_progress WHERE tenant_id = ?", (tenant_id,))
        )
