"""A file of SQLite with our settings: opened, migrated, made smaller.

`synchronous=FULL`: with NORMAL, acknowledged commits are lost in a power cut.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from sqlite3 import Connection

from observer.errors import DataDirUnusable
from observer.records.migrations import MIGRATIONS

PRAGMAS = (
    # What is deleted is overwritten with zeros: some builds of SQLite leave it in the file.
    "PRAGMA secure_delete=ON",
    # Before the first table, or it has no effect: later, only a whole VACUUM could change it.
    "PRAGMA auto_vacuum=INCREMENTAL",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=5000",
    "PRAGMA foreign_keys=ON",
)

_SPARE_PAGES = 1024
FREE_PAGES = "PRAGMA freelist_count"
GIVE_BACK = "PRAGMA incremental_vacuum(256)"
EMPTY_LOG = "PRAGMA wal_checkpoint(TRUNCATE)"
_LOG_PATIENCE_MS = 200


def connect(path: Path) -> Connection:
    """A writing connection with our settings; the file is readable by its owner only."""
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    for pragma in PRAGMAS:
        connection.execute(pragma)
    return connection


def migrate(connection: Connection) -> None:
    """Bring the tables to this program's version, one numbered step after the other.

    Raises:
        DataDirUnusable: the tables are of a newer release.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise DataDirUnusable(
            f"the database is of version {version}, this program knows {len(MIGRATIONS)}; "
            "it was written by a newer release"
        )
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={number}")
        connection.execute("COMMIT")


def enough_to_give_back(free_pages: int) -> bool:
    """Some pages stay with the file: tomorrow's events fill them again."""
    return free_pages > _SPARE_PAGES


def give_back(connection: Connection | None) -> bool:
    """Return some free pages to the disk; true when there is more to return."""
    assert connection is not None  # noqa: S101  opened at start
    if not enough_to_give_back(connection.execute(FREE_PAGES).fetchone()[0]):
        return False
    # As a script: `execute` stops at the first page.
    connection.executescript(GIVE_BACK)
    return enough_to_give_back(connection.execute(FREE_PAGES).fetchone()[0])


def empty_log(connection: Connection | None) -> bool:
    """Take what the WAL still holds of older pages out of it; false: somebody reads in it."""
    assert connection is not None  # noqa: S101  opened at start
    connection.execute(f"PRAGMA busy_timeout={_LOG_PATIENCE_MS}")
    return connection.execute(EMPTY_LOG).fetchone()[0] == 0


def rewrite(connection: Connection | None) -> None:
    """Write the file anew. Deleting clears what a row held, but not every page it once stood on."""
    assert connection is not None  # noqa: S101  opened at start
    connection.execute("VACUUM")


def touch(connection: Connection) -> None:
    """The smallest real write: the version that is there already."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.execute(f"PRAGMA user_version={version}")
