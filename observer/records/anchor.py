"""How far the journal's files go, by the records: what the files alone cannot tell."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

from observer.errors import DataDirUnusable
from observer.records.chain import Fault, Verdict, verify
from observer.records.data_dir import DataDir
from observer.records.database import Connection

_NAME = "journal anchor"


def remember(connection: Connection, seq: int, digest: str) -> None:
    """The line is in its file, and its row is forgotten in this same transaction."""
    connection.execute(
        "INSERT INTO facts (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (_NAME, json.dumps([seq, digest])),
    )


def recall(connection: Connection) -> tuple[int, str] | None:
    """The last line whose row was forgotten."""
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (_NAME,)).fetchone()
    if row is None:
        return None
    seq, digest = json.loads(row[0])
    return seq, digest


def verify_journal(data_dir: DataDir) -> Verdict:
    """Check the files against themselves and the records, also while the daemon writes.

    Raises:
        DataDirUnusable: there are no records to check against.
    """
    path = data_dir.records
    if not path.exists():
        raise DataDirUnusable(
            f"{path}: there is no such file, so nothing tells how far the journal must go"
        )
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as connection:
            # In this order a line that is written meanwhile is never taken for a forged one.
            verdict = verify(data_dir.journal, recall(connection))
            given = connection.execute(
                "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'journal'"
            ).fetchone()[0]
    except sqlite3.Error as error:
        raise DataDirUnusable(f"{path}: cannot be read: {error}") from error
    if verdict.fault is None and verdict.lines > given:
        fault = Fault(given + 1, None, "was never written by this observer")
        return replace(verdict, lines=given, fault=fault)
    return verdict
