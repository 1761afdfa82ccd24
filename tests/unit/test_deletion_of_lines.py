"""Which lines of the files an order takes."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from observer.domain.mission import OWN_SESSION, OWN_TENANT
from observer.domain.redaction import Redactor
from observer.records import deletion as module
from observer.records.data_dir import DataDir
from observer.records.database import Database
from observer.records.deletion import Deletion
from observer.records.deletion_orders import Order
from observer.records.journal import Journal
from observer.records.past_incidents import PastIncidents

pytestmark = pytest.mark.asyncio

SESSION = (
    "INSERT INTO sessions (tenant_id, session_id, status, stage, created_at, updated_at)"
    " VALUES ('acme', 'new', 'running', 'loading', 0, 0)"
)


async def lines_after(
    tmp_path: Path, tenant: str, lines: list[dict[str, Any]], *more: dict[str, Any]
) -> list[str]:
    directory = DataDir(tmp_path / "var")
    directory.spans.mkdir(parents=True)
    for day, day_lines in enumerate([lines, list(more)], 1):
        path = directory.spans / f"2026-01-0{day}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in day_lines))
    database = Database(tmp_path / "observer.db")
    await database.open()
    journal = Journal(Redactor([]))
    none: Any = None
    deletion = Deletion(
        database,
        journal,
        PastIncidents(database, journal),
        directory,
        none,
        none,
        turn=asyncio.Lock(),
        kept_days=30,
    )
    await deletion._lines(Order(tenant, time.time(), time.time()), asyncio.Event())
    await database.close()
    kept = [path.read_text() for path in sorted(directory.spans.glob("*.jsonl"))]
    return [json.loads(line)["session_id"] for text in kept for line in text.splitlines()]


async def test_the_observers_own_spans_stay(tmp_path: Path) -> None:
    own, other = (
        {"tenant_id": OWN_TENANT, "session_id": session, "timestamp_ms": 1}
        for session in (OWN_SESSION, "gone")
    )
    assert await lines_after(tmp_path, OWN_TENANT, [own, other]) == [OWN_SESSION]


async def test_a_session_that_came_while_an_earlier_file_was_sifted_keeps_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sift = module.sift

    def meanwhile(path: Path, goes: Any) -> Any:
        sifted = sift(path, goes)
        with sqlite3.connect(tmp_path / "observer.db") as connection:
            connection.execute(SESSION.replace("INSERT", "INSERT OR IGNORE"))
        return sifted

    monkeypatch.setattr(module, "sift", meanwhile)
    first, second = (
        {"tenant_id": "acme", "session_id": session, "timestamp_ms": 1}
        for session in ("gone", "new")
    )
    assert await lines_after(tmp_path, "acme", [first], second) == ["new"]
