"""checkpoints.db: LangGraph's saver on a connection with our settings, and honest about trouble."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from observer.errors import DataDirUnusable
from observer.records.availability import Availability, explain
from observer.records.sqlite_file import PRAGMAS
from observer.records.versions import CHECKPOINTS_VERSION

T = TypeVar("T")


class Checkpoints(AsyncSqliteSaver):
    """A save that fails leaves nothing half done, and is no fault of the run."""

    def __init__(self, connection: aiosqlite.Connection, path: Path, *, serde: Any) -> None:
        super().__init__(connection, serde=serde)
        self.availability = Availability(path, self._stamp)

    async def aput(self, *args: Any, **kwargs: Any) -> Any:
        """Save a checkpoint."""
        return await self._whole(super().aput(*args, **kwargs))

    async def aput_writes(self, *args: Any, **kwargs: Any) -> None:
        """Save what one node wrote."""
        return await self._whole(super().aput_writes(*args, **kwargs))

    async def aget_tuple(self, *args: Any, **kwargs: Any) -> Any:
        """Read a checkpoint."""
        return await self._whole(super().aget_tuple(*args, **kwargs))

    async def alist(self, *args: Any, **kwargs: Any) -> AsyncIterator[CheckpointTuple]:
        """Read the checkpoints of a thread."""
        try:
            async for found in super().alist(*args, **kwargs):
                yield found
        except sqlite3.Error as error:
            raise self.availability.failed(error) or error from error

    async def _whole(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except sqlite3.Error as error:
            # The saver leaves its transaction open, and would read its own unsaved rows.
            async with self.lock:
                await self.conn.rollback()
            raise self.availability.failed(error) or error from error

    async def _stamp(self) -> None:
        async with self.lock:
            await self.conn.execute(f"PRAGMA user_version={CHECKPOINTS_VERSION}")
            await self.conn.commit()


@asynccontextmanager
async def open_checkpoints(path: Path, serde: Any) -> AsyncIterator[Checkpoints]:
    """Open the file, made and stamped with this release's version where it is new.

    Raises:
        DataDirUnusable: it cannot be used.
    """
    async with aiosqlite.connect(path) as connection:
        checkpoints = Checkpoints(connection, path, serde=serde)
        try:
            for pragma in PRAGMAS:
                await connection.execute(pragma)
            await checkpoints.setup()
            await checkpoints._stamp()
        except sqlite3.Error as error:
            raise DataDirUnusable(explain(path, error) or f"{path}: {error}") from error
        try:
            yield checkpoints
        finally:
            checkpoints.availability.close()
