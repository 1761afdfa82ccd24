"""Carries an order to delete out: tables, queue, checkpoints, files, then what they leave behind.

In this order, so that a crash at any moment leaves only work to be done again: the records know an
open order until the last of it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from observer.domain.event import digest
from observer.domain.mission import OWN_SESSION, OWN_TENANT
from observer.records.data_dir import DataDir
from observer.records.database import Database
from observer.records.deletion_orders import DeletionOrders, Order
from observer.records.journal import Journal
from observer.records.old_records import OldRecords
from observer.records.past_incidents import PastIncidents
from observer.records.queue_file import QueueFile
from observer.records.sifted_lines import of_tenant, put_in_place, sift
from observer.records.stale_checkpoints import StaleCheckpoints
from observer.records.tenant_data import TenantData

_PAUSE_S = 0.01
_SESSIONS, _ROWS, _THREADS = 20, 100, 10
"""At once: each holds its writer for some 10 ms."""
_LOG_TRIES = 50
DAY_S = 86400.0
MOST_REWRITTEN = 64 << 20
"""Bytes of a database that is written anew beside the runs: they wait for half a second."""


class Queue(Protocol):
    """Where events wait, or did."""

    async def forget(self, item_ids: list[str]) -> None:
        """Delete items."""
        ...


class _File(Protocol):
    async def rewrite(self) -> None: ...

    async def empty_log(self) -> bool: ...


class Deletion:
    """Works in small pieces with a pause after each; `stopping` ends it between two of them."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        past: PastIncidents,
        directory: DataDir,
        queue: Queue,
        checkpoints: StaleCheckpoints,
        *,
        turn: asyncio.Lock,
        kept_days: float,
        most_rewritten: float = MOST_REWRITTEN,
    ) -> None:
        self.orders = DeletionOrders(database, journal)
        self.data = TenantData(database, past, counted_for_s=kept_days * DAY_S)
        self._database = database
        self._old = OldRecords(database, journal)
        self._past = past
        self._directory = directory
        self._queue = queue
        self._checkpoints = checkpoints
        self._turn = turn
        self._most_rewritten = most_rewritten

    async def carry_out(self, order: Order, stopping: asyncio.Event) -> Counter[str] | None:
        """Delete all that may go; None: told to stop before the end."""
        counts = Counter[str]()
        steps: dict[str, Callable[[], Awaitable[int]]] = {
            "sessions": lambda: self._sessions(order),
            "left_over": lambda: self.data.delete_left_over(order.tenant_id, order.before, _ROWS),
            "threads": self._threads,
            "words": self._past.rewrite_words,
        }
        for name, step in steps.items():
            while number := await step():
                counts[name] += number
                await asyncio.sleep(_PAUSE_S)
                if stopping.is_set():
                    return None
        counts["lines"] = await self._lines(order, stopping)
        del counts["words"]
        rewritten = await self._clear_files(stopping)
        if stopping.is_set():
            return None
        found = await self.data.found(order.tenant_id, order.before)
        await self.orders.done(order, counts, kept=found.open, rewritten=rewritten)
        return counts

    async def _sessions(self, order: Order) -> int:
        batch = await self.data.closed(order.tenant_id, order.before, _SESSIONS)
        items = [
            parts[0] if len(parts) == 1 else digest(*parts)
            for closed in batch
            for parts in closed.items
        ]
        await self._queue.forget(items)
        upto = [await self._checkpoints.latest(closed.thread_id) for closed in batch]
        await self.data.delete(list(zip(batch, upto, strict=True)), order.before)
        return len(batch)

    async def _threads(self) -> int:
        threads = await self._old.stale_threads(_THREADS)
        if threads:
            await self._checkpoints.clear(threads)
            await self._old.cleared(threads)
        return len(threads)

    async def _lines(self, order: Order, stopping: asyncio.Event) -> int:
        # Its own spans are of a session that has no row.
        own = frozenset({OWN_SESSION} if order.tenant_id == OWN_TENANT else ())
        loop, removed = asyncio.get_running_loop(), 0
        with ThreadPoolExecutor(1, thread_name_prefix="observer-sift") as thread:
            for path in self._files():
                if stopping.is_set():
                    break
                # Rows that the drain had read before they were deleted are lines from here on.
                async with self._turn:
                    kept = own | await self.data.sessions_left(order.tenant_id)
                goes = of_tenant(order.tenant_id, order.before, kept)
                sifted = await loop.run_in_executor(thread, sift, path, goes)
                if sifted is not None:
                    async with self._turn:
                        await loop.run_in_executor(thread, put_in_place, sifted)
                    removed += sifted.removed
        return removed

    def _files(self) -> list[Path]:
        folders = (self._directory.spans, self._directory.evals.parent)
        return [path for folder in folders for path in sorted(folder.glob("*.jsonl"))]

    async def _clear_files(self, stopping: asyncio.Event) -> list[str]:
        """Which databases were written anew; the others' logs are emptied all the same."""
        directory, rewritten = self._directory, list[str]()
        owners: dict[Path, _File] = {
            directory.records: self._database,
            directory.checkpoints: self._checkpoints,
            directory.queue: QueueFile(directory.queue),
        }
        for path, owner in owners.items():
            if stopping.is_set():
                break
            if path.exists() and path.stat().st_size <= self._most_rewritten:
                await owner.rewrite()
                rewritten.append(path.name)
            for _ in range(_LOG_TRIES):
                if stopping.is_set() or await owner.empty_log():
                    break
                await asyncio.sleep(_PAUSE_S)
        return rewritten
