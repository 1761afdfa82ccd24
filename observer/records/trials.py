"""What only a trial does to its own records: let time pass at once."""

from __future__ import annotations

from observer.records.database import Database


async def let_pass(database: Database, seconds: float) -> None:
    """Everything that came in did so this much longer ago."""
    await database.write(
        lambda c: c.execute("UPDATE events SET accepted_at = accepted_at - ?", (seconds,))
    )
