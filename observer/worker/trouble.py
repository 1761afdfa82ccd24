"""Trouble with the records is not the fault of what is worked on: wait, and try again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from observer.errors import RecordsUnavailable

T = TypeVar("T")

_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 30.0

logger = logging.getLogger("observer.worker")


async def insist(trouble: str, work: Callable[[], Awaitable[T]]) -> T:
    """Repeat the work, ever more slowly, until it goes through; each failure is logged.

    A file that cannot be used refuses at once until it can: asking often costs nothing.
    """
    delay = _FIRST_DELAY_S
    said = ""
    while True:
        try:
            return await work()
        except RecordsUnavailable as error:
            delay = _FIRST_DELAY_S
            if str(error) != said:
                logger.error("%s, will try again: %s", trouble, error)
            said = str(error)
        except Exception as error:
            logger.error("%s, will try again: %s", trouble, error)
        await asyncio.sleep(delay)
        delay = min(delay * 2, _LONGEST_DELAY_S)
