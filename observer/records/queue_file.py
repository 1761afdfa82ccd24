"""queue.db as a file, whoever writes to it: cleared of what was deleted."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from observer.records.database import Connection
from observer.records.sqlite_file import empty_log, rewrite


class QueueFile:
    """Does nothing where the queue is another database."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def rewrite(self) -> None:
        """Write the file anew; who writes waits meanwhile."""
        await self._on_file(rewrite)

    async def empty_log(self) -> bool:
        """Take what the WAL still holds of older pages out of it; false: somebody reads in it."""
        return await self._on_file(empty_log) is not False

    async def _on_file(self, work: Callable[[Connection], Any]) -> Any:
        return await asyncio.to_thread(self._work, work) if self._path.exists() else None

    def _work(self, work: Callable[[Connection], Any]) -> Any:
        connection = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        with closing(connection):
            return work(connection)
