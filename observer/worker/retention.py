"""Clears away what is old, a little at a time, so that nobody waits for it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from observer.records.inbox import Inbox
from observer.records.old_records import OldRecords, OldSession
from observer.records.stale_checkpoints import StaleCheckpoints
from observer.services import Services

logger = logging.getLogger("observer.worker")

_FIRST_LOOK_S = 60.0
_STOP_LIMIT_S = 5.0
_PAUSE_S = 0.01
_SESSIONS, _THREADS, _KEYS, _ITEMS = 20, 10, 200, 50
"""At once: each holds its writer for some 10 ms."""


class Retention:
    """One background task; the journal says what it deleted."""

    def __init__(self, services: Services, inbox: Inbox, checkpoints: StaleCheckpoints) -> None:
        self._settings = services.configuration.observer
        self._database = services.database
        self._old = OldRecords(services.database, services.journal)
        self._drain = services.drain
        self._inbox = inbox
        self._checkpoints = checkpoints
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look now and then."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End after what is being deleted at the moment, if that comes to an end."""
        self._stopping.set()
        if self._task is not None:
            _, stuck = await asyncio.wait({self._task}, timeout=_STOP_LIMIT_S)
            for task in stuck:
                task.cancel()

    async def _run(self) -> None:
        interval = self._settings.retention.interval
        await self._sleep(min(interval, _FIRST_LOOK_S))
        while not self._stopping.is_set():
            try:
                await self._sweep()
            except Exception as error:
                logger.error("cannot clear away what is old, will try again: %s", error)
            await self._sleep(interval)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _sweep(self) -> None:
        now = time.time()
        before = now - self._settings.retention.days * 86400
        keys_before = now - self._settings.dedupe.event_ids
        counts = Counter[str]()
        # What a broken journal has not written yet is nowhere else.
        if self._drain.broken is None:
            counts["sessions"] = await self._delete_sessions(before, keys_before)
        counts["event_keys"] = await self._in_batches(lambda: self._delete_keys(keys_before))
        counts["bare"] = await self._in_batches(lambda: self._old.delete_bare(before, _KEYS))
        counts["orders"] = await self._in_batches(
            lambda: self._old.delete_done_orders(before, _KEYS)
        )
        counts["threads"] = await self._in_batches(self._clear_threads)
        counts["items"] = await self._in_batches(lambda: self._delete_items(keys_before))
        for owner in (self._database, self._checkpoints, self._inbox):
            await self._in_batches(owner.give_back)
        if +counts:
            await self._old.note(counts)
            self._drain.wake()

    async def _in_batches(self, batch: Callable[[], Awaitable[int]]) -> int:
        """Repeat until a batch finds nothing; returns the sum."""
        total = 0
        while not self._stopping.is_set() and (number := await batch()):
            total += number
            await asyncio.sleep(_PAUSE_S)
        return total

    async def _delete_sessions(self, before: float, keys_before: float) -> int:
        last: OldSession | None = None
        deleted = 0
        while not self._stopping.is_set():
            batch = await self._old.ended_sessions(before, keys_before, last, _SESSIONS)
            if not batch:
                break
            last = batch[-1]
            # The queue forgets first: a key it still had would keep the same event out of it.
            await self._inbox.forget([key for old in batch for key in old.old_keys])
            with_checkpoints = [
                (old, await self._checkpoints.latest(old.thread_id) if old.has_runs else None)
                for old in batch
            ]
            deleted += await self._old.delete(
                with_checkpoints, before=before, keys_before=keys_before
            )
            await asyncio.sleep(_PAUSE_S)
        return deleted

    async def _delete_keys(self, before: float) -> int:
        keys = await self._old.old_keys(before, _KEYS)
        await self._inbox.forget([key for key, queued in keys if queued])
        if keys:
            await self._old.delete_keys([key for key, _ in keys])
        return len(keys)

    async def _clear_threads(self) -> int:
        threads = await self._old.stale_threads(_THREADS)
        if threads:
            await self._checkpoints.clear(threads)
            await self._old.cleared(threads)
        return len(threads)

    async def _delete_items(self, before: float) -> int:
        return await self._inbox.forget_finished(datetime.fromtimestamp(before, UTC), _ITEMS)
