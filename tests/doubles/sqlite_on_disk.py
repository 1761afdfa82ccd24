"""`sqlite3.connect` on a forgetful disk: SQLite's own locks and shared memory, our own bytes.

The stdlib's module cannot be given a VFS, apsw can; here it wears as much of the stdlib's
interface as our records and LangGraph's checkpointer use.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.doubles.forgetful_disk import ForgetfulDisk

_JOURNALS = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL
_NUMBERS = itertools.count()
_CHANGES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_CHECKPOINT_PAGES = 60
"""Instead of 1000, so that a short test sees many checkpoints and small images."""


@contextmanager
def sqlite_on(disk: ForgetfulDisk) -> Iterator[None]:
    """Every database that this process opens meanwhile is on the disk."""
    vfs = _Vfs(disk)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda path, **how: Connection(path, vfs, **how))
        yield
    vfs.unregister()


class _Vfs(apsw.VFS):
    def __init__(self, disk: ForgetfulDisk) -> None:
        self.name = f"forgetful-{next(_NUMBERS)}"
        self._disk = disk
        super().__init__(self.name, base="")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return _File(self._disk, name, flags)

    def xDelete(self, name: str, sync: bool) -> None:
        super().xDelete(name, False)
        self._disk.delete(Path(name).name, sync=sync)


class _File(apsw.VFSFile):
    def __init__(self, disk: ForgetfulDisk, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._disk = disk
        self._inode = disk.open(Path(path).name)
        # As SQLite on Unix: the first sync of a new journal syncs its directory too.
        self._sync_directory = bool(flags[0] & _JOURNALS and flags[0] & apsw.SQLITE_OPEN_CREATE)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._disk.write(self._inode, offset, bytes(data))

    def xTruncate(self, size: int) -> None:
        super().xTruncate(size)
        self._disk.truncate(self._inode, size)

    def xSync(self, flags: int) -> None:
        self._disk.sync(self._inode, directory=self._sync_directory)
        self._sync_directory = False


class Row(tuple):
    """A row that is also read by name."""

    names: list[str]

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self.names.index(key) if isinstance(key, str) else key)

    def keys(self) -> list[str]:
        return self.names


class Connection:
    """An apsw connection that answers to the names of a stdlib one."""

    def __init__(
        self,
        path: Path | str,
        vfs: _Vfs,
        *,
        timeout: float = 5.0,
        isolation_level: str | None = "",
        uri: bool = False,
        check_same_thread: bool = True,
    ) -> None:
        self._connection = apsw.Connection(
            str(path),
            apsw.SQLITE_OPEN_READWRITE
            | apsw.SQLITE_OPEN_CREATE
            | (apsw.SQLITE_OPEN_URI if uri else 0),
            vfs.name,
        )
        self._connection.set_busy_timeout(round(timeout * 1000))
        self._connection.wal_autocheckpoint(_CHECKPOINT_PAGES)
        self._begins_by_itself = isolation_level is not None
        self.row_factory: Any = None

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def cursor(self) -> Cursor:
        return Cursor(self)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        return self.cursor().execute(statement, values)

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> Cursor:
        return self.cursor().executemany(statement, rows)

    def executescript(self, script: str) -> Cursor:
        self.commit()
        self._connection.execute(script).fetchall()
        return self.cursor()

    def commit(self) -> None:
        if self.in_transaction:
            self._connection.execute("COMMIT")

    def rollback(self) -> None:
        if self.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()


class Cursor:
    """The result of a statement, read at once."""

    def __init__(self, connection: Connection) -> None:
        self._owner = connection
        self._rows: list[Row] = []
        self.rowcount = -1

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        connection = self._owner._connection
        changes = statement.lstrip().upper().startswith(_CHANGES)
        if changes and self._owner._begins_by_itself and not self._owner.in_transaction:
            connection.execute("BEGIN")
        cursor = connection.cursor()
        cursor.row_trace = _named
        try:
            self._rows = list(cursor.execute(statement, values))
        except apsw.Error as error:
            raise sqlite3.OperationalError(str(error)) from error
        self.rowcount = connection.changes()
        return self

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> Cursor:
        for values in rows:
            self.execute(statement, values)
        return self

    def executescript(self, script: str) -> Cursor:
        return self._owner.executescript(script)

    def fetchone(self) -> Row | None:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int) -> list[Row]:
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    def fetchall(self) -> list[Row]:
        return self.fetchmany(len(self._rows))

    def __iter__(self) -> Iterator[Row]:
        return iter(self.fetchall())

    def close(self) -> None:
        self._rows = []


def _named(cursor: apsw.Cursor, values: tuple[Any, ...]) -> Row:
    row = Row(values)
    row.names = [column[0] for column in cursor.get_description()]
    return row
