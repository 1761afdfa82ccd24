"""Which known errors are acted upon: the file's, and those that were learned or imported.

What is learned or imported is inert until a person accepts it; what is retired stays known.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from observer.domain.event import Incident
from observer.domain.known_error import KnownError
from observer.errors import (
    ConfigurationError,
    KnownErrorConflict,
    PayloadRejected,
    UnknownKnownError,
)
from observer.records.database import Connection, Database
from observer.records.healthy_lines import HealthyLines
from observer.records.journal import Journal
from observer.records.known_error_views import KnownErrorViews
from observer.records.memory import Memory, forgive_in
from observer.records.rulings import (
    OBSERVER,
    Status,
    rule_in,
    ruling_in,
    rulings_in,
)
from observer.settings.known_error_rows import KnownErrorRows, Row, as_file

logger = logging.getLogger("observer.records")

MOST_PROPOSALS = 200
"""Learned proposals that wait for a person; further ones are not kept."""


class Learned(KnownErrorViews):
    """The one writer of `known_error_rows`; keeps the index of `Memory` in step."""

    def __init__(
        self, database: Database, journal: Journal, memory: Memory, rows: KnownErrorRows
    ) -> None:
        super().__init__(database, memory, rows.of_file)
        self._journal = journal
        self._rows = rows
        self.healthy_lines = HealthyLines(database, journal)

    async def open(self) -> None:
        """Take up what was accepted and retired before.

        What no longer fits the configuration is left out, with a word in the log.
        """
        rulings = await self._database.read(rulings_in)
        found = [
            (stored["id"], json.loads(stored["entry"]))
            for stored in await self._stored()
            if rulings[stored["id"]].status is not Status.PROPOSED
        ]
        for known_error, known in self._fitting(dict(found)):
            if known_error not in self._memory.index:
                self._memory.index.add(known)
        for known_error, ruling in rulings.items():
            if ruling.status is Status.RETIRED:
                self._memory.index.retire(known_error, ruling.reason)

    def _fitting(self, entries: dict[str, Row]) -> Iterator[tuple[str, KnownError]]:
        try:
            together = self._rows.read(as_file(entries.values()))
            yield from ((known.id, known) for _, known in together)
        except ConfigurationError:
            for known_error, entry in entries.items():
                try:
                    yield known_error, self._checked(entry)
                except ConfigurationError as error:
                    self._unfit[known_error] = str(error)
                    logger.warning("known error %s is left out: %s", known_error, error)

    async def propose(self, entry: Row, incident: Incident) -> str:
        """Keep a known error that was learned, inert; says what became of it.

        Raises:
            ConfigurationError: it would not be accepted in known_errors.yaml.
        """
        name = entry["id"]
        if await self.entry(name) is None:
            # Against all of the configuration: only once for each.
            self._checked(entry)

        def work(connection: Connection) -> None:
            waiting = connection.execute(
                "SELECT count(*) FROM known_error_rulings WHERE status = ?", (Status.PROPOSED,)
            ).fetchone()[0]
            if waiting < MOST_PROPOSALS:
                self._add(connection, entry, "learned", OBSERVER, incident)

        await self._database.write(work)
        kept = await self.entry(name)
        ruling = await self._database.read(lambda c: ruling_in(c, name))
        if kept is None or ruling is None:
            return f"{MOST_PROPOSALS} learned known errors wait for a person; no more are kept"
        if kept["fix"]["steps"] != self._journal.clean(entry)["fix"]["steps"]:
            return f"{name} is {ruling.status} with another fix"
        return f"{name} is {ruling.status}"

    async def import_text(self, text: str, name: str, who: str) -> dict[str, list[str]]:
        """Propose every known error of a text in the file's schema; those known stay as they are.

        Raises:
            PayloadRejected: one of them is wrong; none was taken.
        """
        try:
            read = self._rows.read(text, name)
        except ConfigurationError as error:
            raise PayloadRejected(str(error), field="text") from error

        def work(connection: Connection) -> dict[str, list[str]]:
            taken: dict[str, list[str]] = {"proposed": [], "known": []}
            for entry, _ in read:
                known = entry["id"] in self._of_file
                fresh = not known and self._add(connection, entry, "imported", who, None)
                taken["proposed" if fresh else "known"].append(entry["id"])
            return taken

        return await self._database.write(work)

    def _add(
        self,
        connection: Connection,
        entry: Row,
        origin: str,
        who: str,
        incident: Incident | None,
    ) -> bool:
        tenant, session = (incident.tenant_id, incident.session_id) if incident else (None, None)
        fresh = connection.execute(
            "INSERT INTO known_error_rows (id, entry, origin, tenant_id, session_id, added_at)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
            (entry["id"], self._journal.redacted(entry), origin, tenant, session, time.time()),
        ).rowcount
        if not fresh:
            return False
        rule_in(
            connection,
            self._journal,
            entry["id"],
            Status.PROPOSED,
            who=who,
            reason=origin,
            tenant_id=tenant,
            session_id=session,
        )
        return True

    async def accept(self, known_error: str, who: str, comment: str = "") -> dict[str, Any]:
        """Use a proposed or retired one from now on.

        Raises:
            UnknownKnownError: there is none of this id.
            KnownErrorConflict: it is in use, or does not fit the configuration any more.
        """
        try:
            known = await self._outside_the_index(known_error)
        except ConfigurationError as error:
            raise KnownErrorConflict(f"it does not fit the configuration: {error}") from error
        await self._rule(known_error, Status.ACCEPTED, who, comment or "accepted")
        self._take_in(known)
        self._unfit.pop(known_error, None)
        self._memory.index.restore(known_error)
        return await self.show(known_error)

    async def retire(self, known_error: str, who: str, comment: str = "") -> dict[str, Any]:
        """Never act upon it from now on, the file's included; a proposed one is turned down.

        Raises:
            UnknownKnownError: there is none of this id.
            KnownErrorConflict: it is retired already.
        """
        reason = comment or f"retired by {who}"
        known = None
        with suppress(ConfigurationError):
            known = await self._outside_the_index(known_error)
        await self._rule(known_error, Status.RETIRED, who, reason)
        self._memory.index.retire(known_error, self._journal.clean(reason))
        self._take_in(known)
        return await self.show(known_error)

    async def _outside_the_index(self, known_error: str) -> KnownError | None:
        """The known error, where nothing is compared with it yet."""
        entry = None if known_error in self._memory.index else await self.entry(known_error)
        return None if entry is None else self._checked(entry)

    def _take_in(self, known: KnownError | None) -> None:
        if known is not None and known.id not in self._memory.index:
            self._memory.index.add(known)

    async def _rule(self, known_error: str, status: Status, who: str, reason: str) -> None:
        def work(connection: Connection) -> None:
            before = ruling_in(connection, known_error)
            if before is None and known_error not in self._of_file:
                raise UnknownKnownError(f"no known error has the id '{known_error}'")
            if status is (before.status if before else Status.ACCEPTED):
                raise KnownErrorConflict(f"{known_error} is {status} already")
            rule_in(connection, self._journal, known_error, status, who=who, reason=reason)
            if status is Status.ACCEPTED:
                forgive_in(connection, known_error)

        await self._database.write(work)

    def _checked(self, entry: Row) -> KnownError:
        ((_, known),) = self._rows.read(as_file([entry]))
        return known
