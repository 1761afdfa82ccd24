"""What people ask about known errors: which there are, their status, their figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from observer.domain.track_record import Counted, track_record
from observer.errors import UnknownKnownError
from observer.records.database import Database
from observer.records.memory import Memory, counted_in
from observer.records.rulings import KnownErrorRuling, Status, ruling_in, rulings_in
from observer.settings.known_error_rows import Row


class KnownErrorViews:
    """Reads only: the file's entries, and those of `known_error_rows`."""

    def __init__(self, database: Database, memory: Memory, of_file: Sequence[Row]) -> None:
        self._database = database
        self._memory = memory
        self._of_file = {row["id"]: row for row in of_file}
        self._unfit: dict[str, str] = {}
        """Accepted ones that do not fit the configuration any more, and why."""

    async def entry(self, known_error: str) -> Row | None:
        """A learned or imported entry."""
        return next((json.loads(s["entry"]) for s in await self._stored(known_error)), None)

    async def list(self, status: str | None = None) -> list[dict[str, Any]]:
        """All of them with their figures, the file's first."""
        rulings = await self._database.read(rulings_in)
        counted = await self._memory.counted()
        entries = [(row, None) for row in self._of_file.values()]
        entries += [
            (json.loads(stored["entry"]), stored)
            for stored in await self._stored()
            if stored["id"] not in self._of_file
        ]
        found = [
            _shown(entry, stored, rulings.get(entry["id"]), counted.get(entry["id"], Counted()))
            for entry, stored in entries
        ]
        return [self._explained(one) for one in found if status in (None, one["status"])]

    async def show(self, known_error: str) -> dict[str, Any]:
        """One of them.

        Raises:
            UnknownKnownError: there is none of this id.
        """
        ruling = await self._database.read(lambda c: ruling_in(c, known_error))
        counted = await self._database.read(lambda c: counted_in(c, known_error))
        if (row := self._of_file.get(known_error)) is not None:
            return _shown(row, None, ruling, counted)
        for stored in await self._stored(known_error):
            return self._explained(_shown(json.loads(stored["entry"]), stored, ruling, counted))
        raise UnknownKnownError(f"no known error has the id '{known_error}'")

    def _explained(self, one: dict[str, Any]) -> dict[str, Any]:
        return {**one, "reason": self._unfit.get(one["id"], one["reason"])}

    async def _stored(self, known_error: str | None = None) -> list[Any]:
        return await self._database.read(
            lambda c: c.execute(
                "SELECT * FROM known_error_rows WHERE id = coalesce(?, id) ORDER BY added_at, id",
                (known_error,),
            ).fetchall()
        )


def _shown(
    entry: Row, stored: Any, ruling: KnownErrorRuling | None, counted: Counted
) -> dict[str, Any]:
    """An entry with its status, its figures and where it comes from.

    `stored` is its row of the records; None for one of known_errors.yaml.
    """
    record = track_record(entry, counted)
    return {
        "id": entry["id"],
        "status": ruling.status if ruling else Status.ACCEPTED,
        "origin": stored["origin"] if stored else "file",
        "failures": record.failures,
        "failures_in_a_row": record.failures_in_a_row,
        "trust": round(record.trust, 3),
        "ruled_by": ruling.who if ruling else None,
        "ruled_at": ruling.ruled_at if ruling else None,
        "reason": ruling.reason if ruling else None,
        "tenant_id": stored["tenant_id"] if stored else None,
        "session_id": stored["session_id"] if stored else None,
        "entry": {**entry, **record.columns()},
    }
