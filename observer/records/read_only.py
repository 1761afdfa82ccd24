"""observer.db for a reader of its own, in another process than the one that writes it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from observer.errors import DataDirUnusable
from observer.records.data_dir import DataDir
from observer.records.database import Connection
from observer.records.migrations import MIGRATIONS


@contextmanager
def reading(data_dir: DataDir) -> Iterator[Connection]:
    """The records as they stand, whether the daemon runs or not; nothing can be written.

    Raises:
        DataDirUnusable: there are none, they cannot be read, or are of another release.
    """
    path = data_dir.records
    if not path.is_file():
        raise DataDirUnusable(f"{path}: no observer has kept records here")
    try:
        with closing(sqlite3.connect(address_of(path), uri=True, timeout=5)) as connection:
            connection.row_factory = sqlite3.Row
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version < len(MIGRATIONS):
                raise DataDirUnusable(
                    f"{path} is of an older release; `observer serve` brings it up to date"
                )
            if version > len(MIGRATIONS):
                raise DataDirUnusable(f"{path} was written by a newer release")
            yield connection
    except sqlite3.Error as error:
        raise DataDirUnusable(f"{path} cannot be read: {error}") from error


def address_of(path: Path) -> str:
    """The file for a reader; where none can be put beside it, as on a mounted copy, as it is."""
    address = f"{path.resolve().as_uri()}?mode=ro"
    # With a WAL there may be a writer, and in it is what was written last.
    written_to = path.with_name(f"{path.name}-wal").exists() or os.access(path.parent, os.W_OK)
    return address if written_to else f"{address}&immutable=1"
