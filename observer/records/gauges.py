"""What `/metrics` shows of the records, in one short look by indexes alone."""

from __future__ import annotations

import time
from dataclasses import dataclass

from observer.domain.calls import CallStatus
from observer.records.database import Connection, Database


@dataclass(frozen=True)
class Gauges:
    """How much of what there is at a moment."""

    approvals_waiting: int
    oldest_approval_age_s: float
    undelivered: int
    """Notifications of events that have not ended, tried and got by nobody."""
    journal_rows: int
    """Lines of the journal that no file has yet."""
    last_span: int
    """The last row of `spans`."""


async def read_gauges(database: Database) -> Gauges:
    """All of them, as they are now.

    Raises:
        RecordsUnavailable: the records cannot be read.
    """
    return await database.read(_look)


def _look(connection: Connection) -> Gauges:
    approvals = connection.execute(
        "SELECT count(*) AS number, min(created_at) AS oldest FROM approvals"
        " WHERE status = 'pending'"
    ).fetchone()
    undelivered = connection.execute(
        "SELECT count(*) FROM state_transitions AS told JOIN events USING (event_key)"
        " WHERE told.purpose = 'notify' AND told.status IN ('failed', 'unknown')"
        " AND coalesce(told.result_status, '') != ?"
        " AND events.status IN ('queued', 'running', 'waiting', 'dead')",
        (CallStatus.REFUSED,),
    ).fetchone()
    journal = connection.execute(
        "SELECT coalesce((SELECT max(seq) FROM journal) - (SELECT min(seq) FROM journal) + 1, 0)"
    ).fetchone()
    spans = connection.execute("SELECT coalesce(max(id), 0) FROM spans").fetchone()
    oldest = approvals["oldest"]
    return Gauges(
        approvals_waiting=approvals["number"],
        oldest_approval_age_s=0.0 if oldest is None else max(0.0, time.time() - oldest),
        undelivered=undelivered[0],
        journal_rows=journal[0],
        last_span=spans[0],
    )
