"""Failures from when they came in until they were well, and when the observer could see at all."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from sqlite3 import Row

from observer.domain.event import Severity
from observer.domain.failure import VERIFIED, Failure, Result
from observer.domain.uptime import Interval
from observer.records.database import Connection, Database
from observer.records.events import StoredEvent

PULSE_S = 15.0
"""Between two words of the observer that it still sees; after a crash so much may be missing."""
_GAP_S = 3 * PULSE_S

_ENDED_BY_SOURCE = (
    "UPDATE failures SET ended_at = max(began_at, (SELECT max(resolved_at) FROM events"
    " WHERE events.event_key = failures.event_key OR events.joined_to = failures.event_key))"
    " WHERE ended_at IS NULL AND tenant_id = ?"
    " AND EXISTS (SELECT 1 FROM events WHERE events.event_key = failures.event_key"
    " AND events.resolved_at IS NOT NULL)"
    # What is looked into together is over when the last of it is.
    " AND NOT EXISTS (SELECT 1 FROM events WHERE events.joined_to = failures.event_key"
    " AND events.resolved_at IS NULL)"
)


@dataclass(frozen=True)
class Ending:
    """What a run that ended says of the failure that its event told of."""

    node: str
    severity: Severity | None
    """None: the run did not come so far, and what was known stays."""
    result: Result
    metrics: frozenset[str] = frozenset()
    healthy: frozenset[str] = frozenset()
    """The nodes and metrics that were seen healthy: every failure of theirs is over."""
    proof: str | None = None
    """The key of the look that saw it."""


def note_ending(connection: Connection, stored: StoredEvent, ending: Ending) -> None:
    """A run's end, in its own transaction; what was seen healthy has no failure any more."""
    event = stored.event
    severity = ending.severity or event.severity or Severity.WARNING
    if severity is Severity.INFO:
        # A try before this one may have taken it for more.
        connection.execute("DELETE FROM failures WHERE event_key = ?", (stored.key,))
        return
    connection.execute(
        "INSERT INTO failures (event_key, tenant_id, session_id, node, severity, result, metrics,"
        " began_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (event_key) DO UPDATE SET result = excluded.result",
        (
            stored.key,
            event.tenant_id,
            event.session_id,
            ending.node,
            severity,
            ending.result,
            json.dumps(sorted(ending.metrics)),
            stored.accepted_at,
        ),
    )
    if ending.severity is not None:
        connection.execute(
            "UPDATE failures SET node = ?, severity = ?, metrics = ? WHERE event_key = ?",
            (ending.node, severity, json.dumps(sorted(ending.metrics)), stored.key),
        )
    if ending.result in VERIFIED:
        healthy = sorted(ending.healthy)
        connection.execute(
            "UPDATE failures SET ended_at = max(began_at, ?) WHERE ended_at IS NULL"
            f" AND tenant_id = ? AND (event_key = ? OR node IN ({', '.join('?' * len(healthy))}))",
            (_seen_at(connection, ending), event.tenant_id, stored.key, *healthy),
        )
    else:
        note_resolved(connection, event.tenant_id)


def note_resolved(connection: Connection, tenant_id: str) -> None:
    """What its source has called over ends, in the transaction that stores the source's word."""
    connection.execute(_ENDED_BY_SOURCE, (tenant_id,))


def _seen_at(connection: Connection, ending: Ending) -> float:
    """When it was seen healthy: people may have been told long after."""
    row = None
    if ending.proof is not None:
        row = connection.execute(
            "SELECT timestamp FROM state_transitions WHERE idempotency_key = ?", (ending.proof,)
        ).fetchone()
    return time.time() if row is None else row["timestamp"]


class Failures:
    """Reads failures, and keeps the times at which the observer could see."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stretch: int | None = None
        """The row of `watched` that goes on."""

    async def watching(self) -> None:
        """Say that events are taken at this moment; after a gap a new stretch begins."""
        now, stretch = time.time(), self._stretch

        def work(connection: Connection) -> int:
            longer = connection.execute(
                "UPDATE watched SET until = ? WHERE id = ? AND ? BETWEEN until AND until + ?",
                (now, stretch, now, _GAP_S),
            ).rowcount
            if longer and stretch is not None:
                return stretch
            fresh = connection.execute(
                "INSERT INTO watched (began_at, until) VALUES (?, ?) RETURNING id", (now, now)
            ).fetchone()
            return int(fresh["id"])

        self._stretch = await self._database.write(work)

    def blind(self) -> None:
        """Events are not taken any more: what comes is a new stretch."""
        self._stretch = None

    async def since(self, begin: float) -> tuple[list[Failure], list[Interval]]:
        """The failures that did not end before a moment, and what was watched since, until now."""
        now, stretch = time.time(), self._stretch

        def work(connection: Connection) -> tuple[list[Failure], list[Interval]]:
            failures = connection.execute(
                "SELECT * FROM failures WHERE ended_at >= ?"
                " UNION ALL SELECT * FROM failures WHERE ended_at IS NULL ORDER BY began_at",
                (begin,),
            )
            watched = connection.execute(
                "SELECT began_at, CASE WHEN id = ? AND ? BETWEEN until AND until + ? THEN ?"
                " ELSE until END AS until FROM watched WHERE watched.until >= ?",
                (stretch, now, _GAP_S, now, begin),
            )
            seen = [(row["began_at"], row["until"]) for row in watched]
            return [_failure(row) for row in failures], seen

        return await self._database.read(work)

    async def forget(self, before: float) -> None:
        """Delete what ended before a moment."""

        def work(connection: Connection) -> None:
            connection.execute("DELETE FROM failures WHERE ended_at < ?", (before,))
            connection.execute("DELETE FROM watched WHERE until < ?", (before,))

        await self._database.write(work)


def _failure(row: Row) -> Failure:
    return Failure(
        tenant_id=row["tenant_id"],
        session_id=row["session_id"],
        node=row["node"],
        severity=Severity(row["severity"]),
        result=Result(row["result"]),
        metrics=frozenset(json.loads(row["metrics"])),
        began_at=row["began_at"],
        ended_at=row["ended_at"],
    )
