"""Whether one of our files can be used: the reason in prose, until it can be used again."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

from observer.errors import RecordsUnavailable

_AGAIN_S = 1.0
_PRIMARY_CODE = 0xFF

REASONS = {
    sqlite3.SQLITE_BUSY: "is locked by another process; end what holds it",
    sqlite3.SQLITE_LOCKED: "is locked by another process; end what holds it",
    sqlite3.SQLITE_PROTOCOL: "is locked by another process; end what holds it",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full; free some space",
    sqlite3.SQLITE_IOERR: "cannot be written: disk I/O error; look at its disk, space and limits",
    sqlite3.SQLITE_READONLY: "is read only; make it writable",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; look at its folder's permissions and space",
    sqlite3.SQLITE_CORRUPT: "is damaged; stop the observer and restore it from a copy",
    sqlite3.SQLITE_NOTADB: "is not a database; stop the observer and restore it from a copy",
}

logger = logging.getLogger("observer.records")


def explain(path: Path, error: BaseException) -> str | None:
    """What is wrong with the file and what to do; None: the error is not the file's fault."""
    # SQLAlchemy wraps SQLite's error and keeps it here.
    cause = getattr(error, "orig", None) or error
    if not isinstance(cause, sqlite3.Error):
        return None
    code = getattr(cause, "sqlite_errorcode", None)
    reason = None if code is None else REASONS.get(code & _PRIMARY_CODE)
    return None if reason is None else f"{path} {reason}"


class Availability:
    """Of one file. After a failure a small write is tried until one goes through."""

    def __init__(self, path: Path, probe: Callable[[], Awaitable[object]]) -> None:
        self.path = path
        self._probe = probe
        self._probing: asyncio.Task[None] | None = None
        self.trouble: str | None = None

    def refuse(self) -> None:
        """Spare a caller the wait for what is known to fail.

        Raises:
            RecordsUnavailable: the file cannot be used now.
        """
        if self.trouble is not None:
            raise RecordsUnavailable(self.trouble)

    def failed(self, error: BaseException) -> RecordsUnavailable | None:
        """Note an error; None: it is not the file's fault."""
        reason = explain(self.path, error)
        return None if reason is None else self.blame(reason)

    def blame(self, reason: str) -> RecordsUnavailable:
        """Note that the file cannot be used; what was known before stays the reason."""
        if self.trouble is None:
            logger.error("%s", reason)
            self.trouble = reason
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._until_well())
        return RecordsUnavailable(self.trouble)

    def close(self) -> None:
        """Stop trying."""
        if self._probing is not None:
            self._probing.cancel()

    async def _until_well(self) -> None:
        while True:
            await asyncio.sleep(_AGAIN_S)
            try:
                await self._probe()
            except Exception as error:
                self.trouble = explain(self.path, error) or self.trouble
                continue
            logger.warning("%s can be used again", self.path)
            self.trouble = None
            return
