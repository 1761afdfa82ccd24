"""The heartbeat: it beats only while the loop turns and the records can be written.

What it proves: the one event loop, on which every run, route and timer lives, gave this task its
turn; a write of observer.db got its turn and read something; the data directory took a file. What
it does not prove is that events are worked off: the age of the oldest one says that.
"""

from __future__ import annotations

import asyncio
import logging
import time

from observer.errors import RecordsUnavailable
from observer.lifecycle import LifecycleControl
from observer.records.database import Database
from observer.records.heartbeat import HeartbeatFile
from observer.watch.sd_notify import SdNotify

_SPARE_S = 5.0
"""A write may wait so long for a lock."""

logger = logging.getLogger("observer.watch")


class Heartbeat:
    """One task that beats; what hangs keeps it from beating."""

    def __init__(
        self,
        database: Database,
        file: HeartbeatFile,
        lifecycle: LifecycleControl,
        systemd: SdNotify,
        *,
        every_s: float,
    ) -> None:
        self._database = database
        self._file = file
        self._lifecycle = lifecycle
        self._systemd = systemd
        self._every_s = min(every_s, (systemd.watchdog_s or every_s * 2) / 2)
        self._task: asyncio.Task[None] | None = None
        self._since = time.monotonic()
        self.last_at: float | None = None
        """Unix time of the last beat."""
        self.last_error: str | None = None
        """Why the last try was none; None: it beat."""

    @property
    def age_s(self) -> float:
        """Seconds since the last beat, or since the start when there was none."""
        return time.monotonic() - self._since

    @property
    def longest_age_s(self) -> float:
        """Older than this, and it has stopped."""
        return 3 * self._every_s + _SPARE_S

    def start(self) -> None:
        """Begin to beat."""
        self._task = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        """Stop beating."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._file.close()

    async def _beat(self) -> None:
        while True:
            try:
                await self._database.answers()
                now = time.time()
                await self._file.write(at=now, state=self._lifecycle.state)
                self.last_at, self._since, self.last_error = now, time.monotonic(), None
            except Exception as error:
                what = str(error) or repr(error)
                if what != self.last_error:
                    unknown = not isinstance(error, RecordsUnavailable | OSError)
                    logger.error("no heartbeat: %s", what, exc_info=unknown)
                self.last_error = what
            # An error is an answer, too: a restart frees no disk. What hangs is ended.
            self._systemd.alive()
            await asyncio.sleep(self._every_s)
