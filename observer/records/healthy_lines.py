"""What a node's log says while the node is healthy: no signature may match it."""

from __future__ import annotations

import time
from collections.abc import Collection

from observer.records.database import Connection, Database
from observer.records.journal import Journal

MOST_LINES = 300
"""Templates that are kept of a node, the latest."""


class HealthyLines:
    """The one writer of `healthy_lines`."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal
        self._noted: dict[str, frozenset[str]] = {}

    async def note(self, node: str, templates: Collection[str]) -> None:
        """These were read while the node was healthy."""
        fresh = {self._journal.clean(template) for template in templates} - {""}
        if fresh <= self._noted.get(node, frozenset()):
            return
        rows = [(node, template, time.time()) for template in sorted(fresh)[:MOST_LINES]]

        def work(connection: Connection) -> None:
            connection.executemany(
                "INSERT INTO healthy_lines (node, template, seen_at) VALUES (?, ?, ?)"
                " ON CONFLICT (node, template) DO UPDATE SET seen_at = excluded.seen_at",
                rows,
            )
            connection.execute(
                "DELETE FROM healthy_lines WHERE node = ? AND template NOT IN (SELECT template"
                " FROM healthy_lines WHERE node = ? ORDER BY seen_at DESC, template LIMIT ?)",
                (node, node, MOST_LINES),
            )

        await self._database.write(work)
        self._noted[node] = frozenset(template for _, template, _ in rows)

    async def of_node(self, node: str) -> list[str]:
        """The templates of a node."""
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT template FROM healthy_lines WHERE node = ?", (node,)
            ).fetchall()
        )
        return [row["template"] for row in rows]
