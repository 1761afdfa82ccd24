"""What was learned: how often each known error was met and whether its fix held."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Sequence
from typing import Any

from observer.domain.event import Incident
from observer.domain.known_error import KnownError
from observer.domain.matching import KnownErrorIndex
from observer.records.database import Connection, Database
from observer.records.journal import Journal


class Memory:
    """Known errors with their statistics, and the eval candidates of finished runs."""

    def __init__(
        self, database: Database, journal: Journal, known_errors: Sequence[KnownError]
    ) -> None:
        self._database = database
        self._journal = journal
        self.index = KnownErrorIndex(known_errors)

    @property
    def known_errors(self) -> Collection[KnownError]:
        """All that may be acted upon."""
        return self.index.known_errors

    async def met(self, known_error: str, incident: Incident, *, held: bool) -> None:
        """Count one verified outcome of a known error's fix, once for each event."""

        def work(connection: Connection) -> None:
            marker = f"met/{known_error}/{incident.event_key}"
            fresh = connection.execute(
                "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
                (marker, str(held)),
            ).rowcount
            if not fresh:
                return
            now = time.time()
            connection.execute(
                "INSERT INTO known_error_statistics"
                " (known_error, successes, failures, first_seen, last_seen)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (known_error) DO UPDATE SET"
                " successes = successes + excluded.successes,"
                " failures = failures + excluded.failures, last_seen = excluded.last_seen",
                (known_error, int(held), int(not held), now, now),
            )
            self._journal.append(
                connection,
                "learned",
                tenant_id=incident.tenant_id,
                session_id=incident.session_id,
                known_error=known_error,
                held=held,
            )

        await self._database.write(work)

    async def statistics(self, known_error: str) -> dict[str, Any] | None:
        """Successes, failures, first and last sight of one known error."""
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT * FROM known_error_statistics WHERE known_error = ?", (known_error,)
            ).fetchone()
        )
        return None if row is None else dict(row)

    async def keep_eval_candidate(self, event_key: str, record: dict[str, Any]) -> None:
        """One row for each finished event (seed 001, step 8)."""

        def work(connection: Connection) -> None:
            connection.execute(
                "INSERT INTO eval_candidates (event_key, record) VALUES (?, ?)"
                " ON CONFLICT (event_key) DO UPDATE SET record = excluded.record",
                (event_key, json.dumps(record, default=str)),
            )

        await self._database.write(work)
