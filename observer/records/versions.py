"""Which files this release understands. A file of another kind or a newer one is left untouched."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from observer.errors import DataDirUnusable
from observer.records.migrations import MIGRATIONS

QUEUE_VERSION = 1
"""Raised when an older release cannot work off what a newer one queued."""
CHECKPOINTS_VERSION = 1
"""Raised when a change of the graph's state cannot be read by an older release, or reads it."""

KNOWN = {
    "observer.db": len(MIGRATIONS),
    "queue.db": QUEUE_VERSION,
    "checkpoints.db": CHECKPOINTS_VERSION,
}
_MAGIC = b"SQLite format 3\x00"


def refuse_foreign_files(folder: Path) -> None:
    """Look at every database before anything is written to any of them.

    Raises:
        DataDirUnusable: one is damaged, no database, another program's, or of a newer release.
    """
    for name, known in KNOWN.items():
        path = folder / name
        if path.exists() and path.stat().st_size:
            refuse_foreign_file(path, known)


def refuse_foreign_file(path: Path, known: int) -> None:
    """Read one file's header and list of tables.

    Raises:
        DataDirUnusable: it is damaged, no database, another program's, or of a newer release.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise sqlite3.DatabaseError("file is not a database")
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
        ) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except (sqlite3.Error, OSError) as error:
        raise DataDirUnusable(
            f"{path}: {error}. Nothing was written to it: move it away or restore it from a copy."
        ) from error
    # Our tables and their version are written at once; the other two files are libraries'.
    if path.name == "observer.db" and tables and not version:
        raise DataDirUnusable(
            f"{path} holds tables of another program. Nothing was written to it: choose another"
            " --data-dir."
        )
    if version > known:
        raise DataDirUnusable(
            f"{path} is of version {version}, written by a newer release; this program knows"
            f" version {known}. Nothing was written to it: start the newer release, or choose"
            " another --data-dir."
        )
