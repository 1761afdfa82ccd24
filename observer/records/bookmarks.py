"""How far something outside has been read, so that a restart neither skips nor repeats."""

from __future__ import annotations

import json
import time

from observer.records.database import Database


class Bookmarks:
    """The `facts` whose names begin with `read/`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last(self, source: str) -> tuple[int, float] | None:
        """The last number that was handled, and when."""
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT value FROM facts WHERE name = ?", (f"read/{source}",)
            ).fetchone()
        )
        if row is None:
            return None
        number, at = json.loads(row["value"])
        return int(number), float(at)

    async def put(self, source: str, number: int) -> None:
        """Everything up to this number is handled."""
        value = json.dumps([number, time.time()])
        await self._database.write(
            lambda c: c.execute(
                "INSERT INTO facts (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (f"read/{source}", value),
            )
        )
