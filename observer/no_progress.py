"""The alarm of seed 001: runs of one tenant without progress, one soon after the other.

The tenant is frozen, and on-call is paged, by an event like any other's that comes in by the inbox.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from observer.domain.event import Severity
from observer.domain.health import OURSELVES
from observer.domain.hold import Hold, HoldCause
from observer.records.progress import Lacking
from observer.services import Services
from observer.sources import Alert
from observer.worker.trouble import insist

_REASON_LENGTH = 2000

Accept = Callable[[str, list[Alert], bytes], Awaitable[object]]


class NoProgressAlarm:
    """Looks after each run without progress, and at start, where a crash may have come between."""

    def __init__(self, services: Services, accept: Accept) -> None:
        self._progress = services.progress
        self._holds = services.holds
        self._limit = services.configuration.observer.health.no_progress
        self._accept = accept
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._watch(), name="no-progress")

    async def stop(self) -> None:
        """Look no more; what was not raised is raised by the next process."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        while True:
            self._progress.news.clear()
            await insist("cannot raise the alarm of no progress", self.look)
            await self._progress.news.wait()

    async def look(self) -> None:
        """Freeze the tenants with too many runs without progress; page for all that are frozen."""
        limit = self._limit
        found = await self._progress.lacking(now=time.time(), within_s=limit.within)
        for tenant_id, runs in found.items():
            if len(runs) >= limit.times:
                why = _why(runs, limit.within)
                await self._holds.put(tenant_id, HoldCause.NO_PROGRESS, why)
                await self._progress.clear(tenant_id)
        refused: list[Exception] = []
        for hold in self._holds.listed():
            if hold.cause is HoldCause.NO_PROGRESS:
                # The id is the hold's, so that each freeze pages once, whatever crashes.
                try:
                    await self._accept(OURSELVES, [page(hold)], b"")
                except Exception as error:  # the other tenants' pages do not wait for this one
                    refused.append(error)
        if refused:
            raise refused[0]


def _why(runs: list[Lacking], within_s: float) -> str:
    each = "; ".join(f"session {run.session_id}: {run.why}" for run in runs)
    return f"{len(runs)} runs within {within_s:g} s made no progress: {each}"


def page(hold: Hold) -> Alert:
    """The event that wakes on-call."""
    name = f"no-progress-{int(hold.since * 1000)}"
    return Alert(
        severity=Severity.CRITICAL,
        stage=OURSELVES,
        tenant_id=hold.tenant_id,
        session_id=name,
        event_id=name,
        message=(
            # A page shows the beginning.
            f"tenant '{hold.tenant_id}' is frozen until: observer unpause --tenant"
            f" {hold.tenant_id}. {hold.reason[:_REASON_LENGTH]}. Its events are kept and a"
            " CRITICAL still reaches people, but nothing is looked at or repaired for it."
        ),
    )
