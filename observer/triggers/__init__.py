"""What raises events beside the webhook: schedules, files, and outcomes. Off unless configured."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from observer.intake import Intake
from observer.records.trigger_positions import TriggerPositions
from observer.services import Services
from observer.triggers.cron import CronTriggers
from observer.triggers.files import FileTriggers
from observer.triggers.outcomes import OutcomeTriggers
from observer.triggers.raising import keep_on

__all__ = ["Triggers"]


class Triggers:
    """Runs those that the settings name; each kind is one loop."""

    def __init__(self, services: Services, intake: Intake) -> None:
        settings = services.configuration.observer.triggers
        self._settings = settings
        self._positions = TriggerPositions(services.database)
        self._cron = CronTriggers(services, intake, self._positions, settings.cron)
        self._files = [
            FileTriggers(services, intake, self._positions, triggers)
            for mode in ("lines", "changes")
            if (triggers := [t for t in settings.files if t.mode == mode])
        ]
        self._outcomes = OutcomeTriggers(services.outcomes, intake, settings.outcomes)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to raise events."""
        loops: list[Callable[[], Awaitable[None]]] = []
        if self._settings.cron:
            loops.append(self._cron.run)
        if self._files:
            loops.append(self._run_files)
        if self._settings.outcomes:
            loops.append(self._outcomes.run)
        self._tasks = [asyncio.create_task(keep_on(run)) for run in loops]

    async def _run_files(self) -> None:
        definitions = {t.name: t.definition for t in self._settings.files}
        before = await self._positions.begin_files(definitions)
        # One that stumbles begins again by itself: the other mode's loop is never run twice.
        async with asyncio.TaskGroup() as group:
            for files in self._files:
                group.create_task(keep_on(partial(files.run, before)))

    async def stop(self) -> None:
        """Raise nothing more; what is being accepted is accepted."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    def facts(self) -> dict[str, list[dict[str, Any]]]:
        """How each trigger is doing; empty where there is none."""
        kinds = {
            "cron": self._cron.facts(),
            "files": [fact for files in self._files for fact in files.facts()],
            "outcomes": self._outcomes.facts(),
        }
        return {kind: facts for kind, facts in kinds.items() if facts}
