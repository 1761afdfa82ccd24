"""Outcomes that may lead to another event: written with the end of a run, gone when followed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass

from observer.domain.event import Event, Severity
from observer.records.database import Connection, Database
from observer.records.events import StoredEvent
from observer.records.journal import Journal

Listener = Callable[[StoredEvent, str, Severity | None], None]
"""Told of an event, its outcome and its severity."""


@dataclass(frozen=True)
class Outcome:
    """What became of an event."""

    seq: int
    event: Event
    outcome: str
    severity: Severity | None


class Outcomes:
    """The one writer of `outcomes_to_follow`; where no trigger follows any, it writes nothing."""

    def __init__(self, database: Database, journal: Journal, *, followed: bool) -> None:
        self._database = database
        self._journal = journal
        self._followed = followed
        self.fresh = asyncio.Event()
        """Set when there is another one."""
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Tell of every outcome from now on, once it is on disk; on the records' own thread."""
        self._listeners.append(listener)

    async def open(self) -> None:
        """Forget what was left when outcomes were followed for the last time, if none are now."""
        self._loop = asyncio.get_running_loop()
        if not self._followed and await self.waiting(1):
            await self._database.write(lambda c: c.execute("DELETE FROM outcomes_to_follow"))

    def note(
        self, connection: Connection, stored: StoredEvent, outcome: str, severity: Severity | None
    ) -> None:
        """An event has come to its end, in the transaction that says so."""
        self._database.after_commit(lambda: self._tell_all(stored, outcome, severity))
        if not self._followed:
            return
        connection.execute(
            "INSERT INTO outcomes_to_follow (event_key, outcome, severity) VALUES (?, ?, ?)",
            (stored.key, outcome, severity),
        )
        self._database.after_commit(self._tell)

    def _tell_all(self, stored: StoredEvent, outcome: str, severity: Severity | None) -> None:
        for listener in self._listeners:
            listener(stored, outcome, severity)

    def _tell(self) -> None:
        self._loop.call_soon_threadsafe(self.fresh.set)

    async def waiting(self, limit: int, *, without: Collection[str] = ()) -> list[Outcome]:
        """The oldest that nobody has followed yet, without those of some tenants."""
        left_out = json.dumps(sorted(without))
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT ended.seq, ended.outcome, ended.severity, events.payload"
                " FROM outcomes_to_follow AS ended JOIN events USING (event_key)"
                " WHERE events.tenant_id NOT IN"
                " (SELECT value FROM json_each(?))"
                " ORDER BY ended.seq LIMIT ?",
                (left_out, limit),
            ).fetchall()
        )
        return [
            Outcome(
                row["seq"],
                Event.model_validate_json(row["payload"]),
                row["outcome"],
                Severity(row["severity"]) if row["severity"] else None,
            )
            for row in rows
        ]

    async def followed(self, outcome: Outcome, *, ended: list[str]) -> None:
        """Every trigger has had this one; the named ones went no further, for it is too deep."""
        event = outcome.event

        def work(connection: Connection) -> None:
            connection.execute("DELETE FROM outcomes_to_follow WHERE seq = ?", (outcome.seq,))
            for trigger in ended:
                self._journal.append(
                    connection,
                    "trigger",
                    tenant_id=event.tenant_id,
                    session_id=event.session_id,
                    trigger=trigger,
                    event_id=event.event_id,
                    depth=event.depth,
                    decision="raised nothing: the chain of outcomes is as long as it may be",
                )

        await self._database.write(work)
