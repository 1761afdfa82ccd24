"""observer.db: one writing connection and one reading one, each on a thread of its own.

One writer and BEGIN IMMEDIATE: a transaction that starts as a reader and then writes fails at once,
whatever the timeout.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from observer.errors import DataDirUnusable
from observer.records.availability import Availability, explain
from observer.records.sqlite_file import connect, empty_log, give_back, migrate, rewrite, touch

T = TypeVar("T")
Connection = sqlite3.Connection

PATIENCE_S = 5.0
"""How long a write waits for a lock that somebody else holds, its wait for its turn included."""
_PROBE_PATIENCE_S = 0.2


class Database:
    """Our tables. Work is a plain function of a connection, run whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer_thread = ThreadPoolExecutor(1, thread_name_prefix="observer-db-write")
        self._reader_thread = ThreadPoolExecutor(1, thread_name_prefix="observer-db-read")
        self._writer: Connection | None = None
        self._reader: Connection | None = None
        self._after_commit: list[Callable[[], None]] = []
        self._written: Callable[[], None] | None = None
        self.availability = Availability(path, self._probe)

    async def open(self) -> None:
        """Create or migrate the file.

        Raises:
            DataDirUnusable: it is no database, or of a newer version than this program's.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer_thread, self._open_writer)
        await loop.run_in_executor(self._reader_thread, self._open_reader)

    def _open_writer(self) -> None:
        try:
            self._writer = connect(self.path)
            migrate(self._writer)
        except (sqlite3.DatabaseError, OSError) as error:
            reason = explain(self.path, error) or f"{self.path}: {error}"
            raise DataDirUnusable(f"{reason}; nothing was written to it") from error

    def _open_reader(self) -> None:
        self._reader = sqlite3.connect(
            f"{self.path.resolve().as_uri()}?mode=ro", uri=True, timeout=5
        )
        self._reader.row_factory = sqlite3.Row

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one durable transaction.

        Raises:
            RecordsUnavailable: the file cannot be written; nothing of the work was.
        """
        self.availability.refuse()
        with self._honest():
            result = await self._transaction(work, PATIENCE_S)
        if self._written is not None:
            self._written()
        return result

    def notify(self, written: Callable[[], None]) -> None:
        """Tell, on the loop, after every write from now on."""
        self._written = written

    async def _probe(self) -> None:
        await self._transaction(touch, _PROBE_PATIENCE_S)

    async def _transaction(self, work: Callable[[Connection], T], patience_s: float) -> T:
        loop = asyncio.get_running_loop()
        deadline = time.monotonic() + patience_s
        return await loop.run_in_executor(self._writer_thread, self._in_transaction, work, deadline)

    @contextmanager
    def _honest(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            unavailable = self.availability.failed(error)
            if unavailable is None:
                raise
            raise unavailable from error

    def _in_transaction(self, work: Callable[[Connection], T], deadline: float) -> T:
        assert self._writer is not None  # noqa: S101  opened at start
        writer = self._writer
        self._after_commit.clear()
        patience_ms = max(0, int((deadline - time.monotonic()) * 1000))
        writer.execute(f"PRAGMA busy_timeout={patience_ms}")
        try:
            writer.execute("BEGIN IMMEDIATE")
            result = work(writer)
            writer.execute("COMMIT")
        except BaseException:
            # SQLite itself has ended the transaction after some errors, and not after others.
            if writer.in_transaction:
                writer.execute("ROLLBACK")
            raise
        for then in self._after_commit:
            then()
        return result

    def after_commit(self, then: Callable[[], None]) -> None:
        """Called by work on the writer's thread: do this if and when its transaction commits."""
        self._after_commit.append(then)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on committed data, never in the writer's way.

        Raises:
            RecordsUnavailable: the file cannot be read.
        """
        loop = asyncio.get_running_loop()
        with self._honest():
            return await loop.run_in_executor(self._reader_thread, self._on_reader, work)

    def _on_reader(self, work: Callable[[Connection], T]) -> T:
        assert self._reader is not None  # noqa: S101  opened at start
        return work(self._reader)

    async def answers(self) -> None:
        """Take the turn of a write, read something, and give the turn back; nothing is written.

        Raises:
            RecordsUnavailable: a write would be refused.
        """
        await self.write(lambda c: c.execute("SELECT 1 FROM holds LIMIT 1").fetchone())

    async def give_back(self) -> bool:
        """Return some free pages to the disk; true when there is more to return."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer_thread, lambda: give_back(self._writer))

    async def rewrite(self) -> None:
        """Write the file anew; who writes waits meanwhile.

        Raises:
            sqlite3.Error: somebody is in the way, or the disk is full; it is as it was.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer_thread, lambda: rewrite(self._writer))

    async def empty_log(self) -> bool:
        """Take what the WAL still holds of older pages out of it; false: somebody reads in it."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer_thread, lambda: empty_log(self._writer))

    async def close(self) -> None:
        """Close both connections on their own threads."""
        self.availability.close()
        loop = asyncio.get_running_loop()
        for thread, connection in (
            (self._reader_thread, self._reader),
            (self._writer_thread, self._writer),
        ):
            if connection is not None:
                await loop.run_in_executor(thread, connection.close)
            thread.shutdown()
