"""Watches files: looks when a directory changes, and now and then in case nobody tells."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

import anyio
from watchfiles import awatch

from observer.domain.event import Severity
from observer.errors import InboxFull
from observer.intake import Intake
from observer.records.trigger_positions import TriggerPositions
from observer.services import Services
from observer.settings.triggers import FileTrigger
from observer.sources import RaisedAlert
from observer.triggers import tail
from observer.triggers.changes import ChangeTrigger
from observer.triggers.lines import LineTrigger
from observer.triggers.raising import AGAIN_S, Standing, put, wait

logger = logging.getLogger("observer.triggers")

SOURCE = "file"
_LOOK_S = 10.0
"""Without word of a change: a network file system gives none."""
_SECOND_LOOK_S = 1.0
"""What changed before a directory was watched."""


class FileTriggers:
    """All file triggers of one mode: one loop, one thread of watchfiles."""

    def __init__(
        self,
        services: Services,
        intake: Intake,
        positions: TriggerPositions,
        triggers: list[FileTrigger],
    ) -> None:
        self._views = services.session_views
        self._most = services.configuration.observer.queue.max_pending // 2
        self._intake = intake
        self._triggers = [
            (LineTrigger if t.mode == "lines" else ChangeTrigger)(t, positions, self._raise)
            for t in triggers
        ]
        # A file is being written for a while: its change is what it holds when that is over.
        quiet = any(t.mode == "changes" for t in triggers)
        self._step_ms, self._debounce_ms = (1000, 10_000) if quiet else (100, 500)
        self._changed = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._stop_watching = anyio.Event()
        self._trouble = ""
        self._directories: set[str] = set()
        self._begun: set[str] = set()

    async def run(self, looked_before: set[str]) -> None:
        """Look for ever; the named triggers have looked before at the same files."""
        try:
            while True:
                self._changed.clear()
                well = [await self._look(trigger, looked_before) for trigger in self._triggers]
                pause = _LOOK_S if all(well) else AGAIN_S
                if await self._watch_where_they_are():
                    pause = _SECOND_LOOK_S
                await wait(self._changed, pause)
        finally:
            if self._watching is not None:
                self._watching.cancel()

    async def _look(self, trigger: LineTrigger | ChangeTrigger, looked_before: set[str]) -> bool:
        name = trigger.standing.name
        try:
            if name not in self._begun:
                await trigger.begin(looked_before=name in looked_before)
                self._begun.add(name)
            await trigger.look()
        except Exception as error:  # of one trigger: the others go on
            trigger.standing.wrong(error)
            return False
        trigger.standing.last_error = None
        return True

    async def _raise(self, alert: RaisedAlert, standing: Standing) -> None:
        pending = await self._views.pending()
        waiting = pending["queued"] + pending["running"] + pending["held"]
        if waiting >= self._most and alert.severity is not Severity.CRITICAL:
            raise InboxFull(
                f"{self._most} events wait: files leave the rest of the inbox to others"
            )
        await put(self._intake, SOURCE, alert, standing)

    async def _watch_where_they_are(self) -> bool:
        """Whether other directories are watched from now on."""
        directories: set[str] = set()
        for trigger in self._triggers:
            with suppress(OSError, RuntimeError):  # it is looked at from time to time
                directories |= await asyncio.to_thread(tail.watched_directories, trigger.path)
        watching = self._watching is not None and not self._watching.done()
        if directories == self._directories and watching:
            return False
        self._stop_watching.set()
        self._stop_watching = anyio.Event()
        self._directories = directories
        self._watching = asyncio.create_task(self._watch(directories, self._stop_watching))
        return True

    async def _watch(self, directories: set[str], stop: anyio.Event) -> None:
        changes = awatch(
            *directories,
            watch_filter=None,
            step=self._step_ms,
            debounce=self._debounce_ms,
            stop_event=stop,
            recursive=False,
        )
        try:
            async for _ in changes:
                self._changed.set()
        except (OSError, RuntimeError, ValueError) as error:
            if str(error) != self._trouble:
                logger.warning("files are looked at from time to time only: %s", error)
            self._trouble = str(error)

    def facts(self) -> list[dict[str, Any]]:
        """As `/health` shows them."""
        return [trigger.facts() for trigger in self._triggers]
