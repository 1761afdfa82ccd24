"""Deletes what was ordered to be deleted, behind the runs' backs."""

from __future__ import annotations

import asyncio
import logging
import time

from observer.records.deletion import Deletion
from observer.records.deletion_orders import Done, Order
from observer.records.drain import Drain
from observer.records.tenant_data import Found

logger = logging.getLogger("observer.worker")

_AGAIN_S = 30.0
_STOP_LIMIT_S = 5.0
_MOST_TOLD = 100


class Deletions:
    """One background task; an order that it could not finish goes on with the next start."""

    def __init__(self, deletion: Deletion, drain: Drain) -> None:
        self._deletion = deletion
        self._drain = drain
        self._asked = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Go on with the orders that an earlier process left."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End after the piece that is being deleted."""
        self._stopping.set()
        self._asked.set()
        if self._task is not None:
            _, stuck = await asyncio.wait({self._task}, timeout=_STOP_LIMIT_S)
            for task in stuck:
                task.cancel()

    async def order(self, tenant_id: str, older_than_s: float, *, by: str | None) -> Order:
        """Write the order down; from then on it is carried out, whatever happens."""
        order = await self._deletion.orders.ask(tenant_id, older_than_s, by=by)
        self._drain.wake()
        self._asked.set()
        return order

    async def found(self, tenant_id: str, older_than_s: float) -> Found:
        """What an order would delete now, and what would stay."""
        return await self._deletion.data.found(tenant_id, time.time() - older_than_s)

    async def open(self) -> list[Order]:
        """Orders that are not carried out yet."""
        return await self._deletion.orders.open()

    async def lately_done(self, tenant_id: str | None) -> list[Done]:
        """Orders that are, of one tenant or of all, the latest first."""
        return await self._deletion.orders.lately_done(tenant_id, _MOST_TOLD)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            self._asked.clear()
            wait_s: float | None = None
            try:
                for order in await self._deletion.orders.open():
                    await self._deletion.carry_out(order, self._stopping)
                    self._drain.wake()
            except Exception as error:
                logger.error("cannot delete what was ordered, will try again: %s", error)
                wait_s = _AGAIN_S
            try:
                async with asyncio.timeout(wait_s):
                    await self._asked.wait()
            except TimeoutError:
                continue
