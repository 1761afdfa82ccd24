"""What `/metrics` reads of the records."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from observer.records.database import Connection, Database
from observer.records.gauges import read_gauges

TRIED = "INSERT INTO state_transitions (session_id, trace_id, tenant_id, event_key, iteration,\
 purpose, tool_name, tool_input_hash, args, idempotency_key, status, result_status, timestamp)\
 VALUES ('s', 't', 'acme', 'k', 1, ?, 'tell', 'h', '{}', ?, ?, ?, 0)"
EVENT = "INSERT INTO events (event_key, tenant_id, session_id, status, payload, accepted_at)\
 VALUES ('k', 'acme', 's', ?, '{}', 0)"


async def undelivered(path: Path, status: str) -> int:
    database = Database(path)
    await database.open()

    def fill(connection: Connection) -> None:
        connection.execute(EVENT, (status,))
        for number, row in enumerate(
            [
                ("notify", "failed", "error"),
                ("notify", "unknown", "unknown"),
                ("notify", "failed", "refused"),
                ("notify", "done", "success"),
                ("read", "failed", "error"),
            ]
        ):
            connection.execute(TRIED, (row[0], f"i-{number}", *row[1:]))

    await database.write(fill)
    found = await read_gauges(database)
    await database.close()
    return found.undelivered


@pytest.mark.parametrize(
    ("status", "count"),
    [
        ("queued", 2),
        ("running", 2),
        ("waiting", 2),
        ("dead", 2),
        ("done", 0),
        ("joined", 0),
        ("forgotten", 0),
    ],
)
def test_what_nobody_got_counts_until_its_event_ends(
    tmp_path: Path, status: str, count: int
) -> None:
    """Else an alert stays that nobody can end."""
    assert asyncio.run(undelivered(tmp_path / "observer.db", status)) == count
