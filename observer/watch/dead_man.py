"""Dead man's switch: an address is called while all is well; its owner pages when calls stop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from observer.gateway.judged_http import NoAnswer, exchange

_ANSWER_S = 10.0

logger = logging.getLogger("observer.watch")


class DeadManSwitch:
    """Calls one address again and again, while the observer can do its job."""

    def __init__(self, url: str, *, every_s: float) -> None:
        self._url = url
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None
        self.last_ok: float | None = None
        """Unix time of the last ping that was answered well."""
        self.last_error: str | None = None

    def start(self, is_well: Callable[[], Awaitable[bool]]) -> None:
        """Begin to call."""
        self._task = asyncio.create_task(self._ping(is_well))

    async def stop(self) -> None:
        """Call no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _ping(self, is_well: Callable[[], Awaitable[bool]]) -> None:
        while True:
            try:
                if await is_well():
                    await self._once()
            except Exception as error:
                # Not its own words: the address may stand in them, and a token is in its path.
                self._note(type(error).__name__)
            await asyncio.sleep(self._every_s)

    async def _once(self) -> None:
        try:
            answer = await exchange(self._url, limit_s=_ANSWER_S)
            error = None if 200 <= answer.status < 300 else f"it answered {answer.status}"
        except NoAnswer as trouble:
            error = str(trouble)
        if error is None:
            self.last_ok = time.time()
        self._note(error)

    def _note(self, error: str | None) -> None:
        if error is not None and error != self.last_error:
            logger.warning("the dead man's switch was not reached: %s", error)
        self.last_error = error
