"""What was learned of each known error: how often it was met and whether its fix held."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any

from observer.domain.event import Incident, Severity
from observer.domain.known_error import KnownError
from observer.domain.matching import KnownErrorIndex
from observer.domain.past_incident import PastIncident
from observer.domain.track_record import Counted
from observer.records.database import Connection, Database
from observer.records.journal import Journal
from observer.records.past_incidents import PastIncidents
from observer.records.rulings import OBSERVER, Status, rule_in, ruling_in


class Memory:
    """Known errors in use with what was counted of them, and what stays of finished incidents."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        known_errors: Sequence[KnownError],
        *,
        retire_after: int = 2,
    ) -> None:
        self._database = database
        self._journal = journal
        self._retire_after = retire_after
        self.index = KnownErrorIndex(known_errors)
        self.past = PastIncidents(database, journal)

    @property
    def known_errors(self) -> Collection[KnownError]:
        """The file's and the accepted ones, those among them that were retired, too."""
        return self.index.known_errors

    async def met(
        self,
        known_error: str,
        incident: Incident,
        *,
        held: bool,
        proof: str | None = None,
    ) -> str | None:
        """Count one verified outcome of a known error's fix, once for each event.

        `proof` is the key of the look that proved the healing. A fix that failed too often in a row
        is retired: then the answer is why.
        """
        known = self.index.find(known_error)
        start = (known.occurrence_count, known.resolution_time_avg_s) if known else (0, None)

        def work(connection: Connection) -> str | None:
            marker = _marker(known_error, incident)
            fresh = connection.execute(
                "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
                (marker, str(held)),
            ).rowcount
            if not fresh:
                return None
            _count(connection, known_error, incident, held, start, proof)
            self._journal.append(
                connection,
                "learned",
                tenant_id=incident.tenant_id,
                session_id=incident.session_id,
                known_error=known_error,
                held=held,
            )
            failed = counted_in(connection, known_error).failures_in_a_row
            before = ruling_in(connection, known_error)
            if failed < self._retire_after or (before and before.status is Status.RETIRED):
                return None
            why = _why_retired(failed)
            rule_in(
                connection,
                self._journal,
                known_error,
                Status.RETIRED,
                who=OBSERVER,
                reason=why,
                tenant_id=incident.tenant_id,
                session_id=incident.session_id,
            )
            return why

        why = await self._database.write(work)
        if why is not None:
            self.index.retire(known_error, why)
        return why

    async def retirement(self, known_error: str, incident: Incident) -> str | None:
        """What people are told of a known error whose fix has just failed in this incident.

        None while it stays in use. It may be asked before the failure is counted, and after.
        """

        def work(connection: Connection) -> tuple[int, bool]:
            seen = connection.execute(
                "SELECT 1 FROM facts WHERE name = ?", (_marker(known_error, incident),)
            ).fetchone()
            return counted_in(connection, known_error).failures_in_a_row, seen is not None

        failed, counted = await self._database.read(work)
        why = self.index.why_retired(known_error)
        if why is None and not counted and failed + 1 >= self._retire_after:
            why = _why_retired(failed + 1)
        return None if why is None else f"{known_error} is retired from automatic use: {why}"

    async def counted(self) -> dict[str, Counted]:
        """What was counted of every known error, by id."""
        rows = await self._database.read(
            lambda c: c.execute("SELECT * FROM known_error_statistics").fetchall()
        )
        return {row["known_error"]: _counted(row) for row in rows}

    async def similar(
        self, tenant_id: str, node: str, message: str, exclude_session: str
    ) -> list[PastIncident]:
        """At most three past incidents of the tenant's node, of other sessions, that are alike."""
        return await self.past.similar(tenant_id, node, message, exclude_session)

    async def keep(
        self,
        incident: Incident,
        *,
        cause: str = "",
        walk: Sequence[str] = (),
        attempts: Sequence[tuple[str, bool]] = (),
        outcome: str,
    ) -> None:
        """What stays of a finished event to look things up in. An INFO is no incident."""
        if incident.severity is Severity.INFO:
            return
        await self._database.write(
            lambda connection: self.past.keep_in(
                connection, incident, cause=cause, walk=walk, attempts=attempts, outcome=outcome
            )
        )


def forgive_in(connection: Connection, known_error: str) -> None:
    """A person accepts it: failures in a row count from here."""
    connection.execute(
        "UPDATE known_error_statistics SET failures_in_a_row = 0 WHERE known_error = ?",
        (known_error,),
    )


def counted_in(connection: Connection, known_error: str) -> Counted:
    """What was counted of one known error."""
    row = connection.execute(
        "SELECT * FROM known_error_statistics WHERE known_error = ?", (known_error,)
    ).fetchone()
    return Counted() if row is None else _counted(row)


def _counted(row: Any) -> Counted:
    return Counted(**{name: row[name] for name in row.keys() if name != "known_error"})  # noqa: SIM118


def _marker(known_error: str, incident: Incident) -> str:
    return f"met/{known_error}/{incident.event_key}"


def _why_retired(failed: int) -> str:
    return f"its fix failed {failed} {'time' if failed == 1 else 'times'}"


_ACCEPTED_AT = (
    "SELECT coalesce((SELECT accepted_at FROM events WHERE event_key = :event),"
    " (SELECT min(timestamp) FROM state_transitions WHERE event_key = :event)) AS accepted_at,"
    " (SELECT timestamp FROM state_transitions WHERE idempotency_key = :proof) AS healed_at"
)


def _count(
    connection: Connection,
    known_error: str,
    incident: Incident,
    held: bool,
    start: tuple[int, float | None],
    proof: str | None,
) -> None:
    now = time.time()
    times = connection.execute(
        _ACCEPTED_AT, {"event": incident.event_key, "proof": proof}
    ).fetchone()
    timed = held and times["healed_at"] is not None
    took = max(0.0, times["healed_at"] - times["accepted_at"]) if timed else 0.0
    connection.execute(
        "INSERT INTO known_error_statistics (known_error, successes, failures, failures_in_a_row,"
        " resolutions, resolution_s, first_seen, last_seen, start_count, start_resolution_s)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (known_error) DO UPDATE SET"
        " successes = successes + excluded.successes,"
        " failures = failures + excluded.failures,"
        " failures_in_a_row = CASE WHEN excluded.failures THEN failures_in_a_row + 1 ELSE 0 END,"
        " resolutions = resolutions + excluded.resolutions,"
        " resolution_s = resolution_s + excluded.resolution_s, last_seen = excluded.last_seen",
        (
            known_error,
            int(held),
            int(not held),
            int(not held),
            int(timed),
            took,
            now,
            now,
            *start,
        ),
    )
