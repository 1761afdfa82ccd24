"""Which spans a receiver outside has: how far the mirror got, and what comes next."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from observer.records.bookmarks import Bookmarks
from observer.records.database import Connection, Database

_SOURCE = "spans for OTLP"


@dataclass(frozen=True)
class NextSpans:
    """The oldest spans that are not mirrored, in the order in which they were written."""

    rows: list[tuple[int, str]]
    """Each row's number, and the span as JSON."""
    newest: int
    """The number of the newest span there is."""

    def records(self) -> list[dict[str, Any]]:
        """The spans."""
        return [json.loads(text) for _, text in self.rows]


class MirroredSpans:
    """Reads the table and keeps a bookmark in it; what retention deletes meanwhile is not sent."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bookmarks = Bookmarks(database)

    async def upto(self) -> int:
        """The number of the last span that was mirrored; 0: none."""
        last = await self._bookmarks.last(_SOURCE)
        return 0 if last is None else last[0]

    async def after(self, row: int, limit: int) -> NextSpans:
        """The next spans."""

        def work(connection: Connection) -> NextSpans:
            found = connection.execute(
                "SELECT id, record FROM spans WHERE id > ? ORDER BY id LIMIT ?", (row, limit)
            ).fetchall()
            newest = connection.execute("SELECT max(id) FROM spans").fetchone()[0]
            return NextSpans([(one["id"], one["record"]) for one in found], newest or 0)

        return await self._database.read(work)

    async def done(self, row: int) -> None:
        """Everything up to this span is mirrored, or never will be."""
        await self._bookmarks.put(_SOURCE, row)
