"""On PYTHONPATH, gives a process a SQLite that was built for speed, and watches its connections.

SQLite can be built so (`SQLITE_DEFAULT_WAL_SYNCHRONOUS=1`): a connection that sets nothing
itself is then not durable. As it closes, each connection adds to the file `WATCHED_SQLITE` what
it ran with.
"""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

_connect = sqlite3.connect


class _Fast(sqlite3.Connection):
    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        super().execute("PRAGMA synchronous=NORMAL")

    def close(self) -> None:
        _note(self)
        super().close()


def _note(connection: sqlite3.Connection) -> None:
    def value(pragma: str) -> Any:
        return sqlite3.Connection.execute(connection, f"PRAGMA {pragma}").fetchone()

    try:
        line = {
            "file": Path(value("database_list")[2]).name,
            "changes": connection.total_changes,
            "journal_mode": value("journal_mode")[0],
            "synchronous": value("synchronous")[0],
        }
    except sqlite3.ProgrammingError:  # closed before
        return
    with Path(os.environ["WATCHED_SQLITE"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def connect(*args: Any, factory: type[sqlite3.Connection] = sqlite3.Connection, **how: Any):
    bases = (_Fast,) if factory is sqlite3.Connection else (factory, _Fast)
    return _connect(*args, factory=type("Watched", bases, {}), **how)


sqlite3.connect = connect
sqlite3.dbapi2.connect = connect
