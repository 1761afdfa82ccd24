"""Begins the budget's next day when it is due, so that who waits for it goes on by itself."""

from __future__ import annotations

import asyncio
import logging

from observer.gateway.today import Today
from observer.services import Services

logger = logging.getLogger("observer.worker")

_LOOK_EVERY_S = 5.0
"""A clock that is set brings midnight nearer without a word."""


class Midnight:
    """One background task, which costs a look at the clock now and then."""

    def __init__(self, services: Services) -> None:
        self._today: Today = services.today
        self._drain = services.drain
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look now and then."""
        self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(min(max(self._today.seconds_left, 0.05), _LOOK_EVERY_S))
            try:
                if await self._today.look():
                    self._drain.wake()
            except Exception as error:
                logger.error("cannot begin the budget's day, will try again: %s", error)
                await asyncio.sleep(_LOOK_EVERY_S)
