"""The daemon's own state: each change in the journal, and whether work may go on."""

from __future__ import annotations

import logging
from collections.abc import Callable

from observer.domain.hold import HoldCause
from observer.domain.lifecycle import FailureStreak, Lifecycle, may_follow
from observer.errors import RecordsUnavailable
from observer.records.database import Connection
from observer.services import Services

logger = logging.getLogger("observer.lifecycle")


class LifecycleControl:
    """CREATED, STARTING, RUNNING, SUSPENDED, FAILED, STOPPING, STOPPED (seed 000)."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.state = Lifecycle.CREATED
        self.reason = ""
        limit = services.configuration.observer.worker.max_consecutive_failures
        self.streak = FailureStreak(limit)
        self.listeners: list[Callable[[Lifecycle], None]] = []
        """Each is called after a change."""
        services.holds.listeners.append(self._follow_holds)

    async def to(self, following: Lifecycle, reason: str) -> bool:
        """Change the state, if it may follow the present one."""
        if not may_follow(self.state, following):
            return False
        # It may be what a failing tool or model said.
        reason = self._services.redactor.text(reason)
        before, self.state, self.reason = self.state, following, reason
        logger.info("%s -> %s: %s", before, following, reason)

        def note(connection: Connection) -> None:
            self._services.journal.append(
                connection, "lifecycle", before=before, state=following, reason=reason
            )

        try:
            await self._services.database.write(note)
        except RecordsUnavailable:
            # What cannot be written down yet is still so: above all, it must be able to stop.
            self._services.spans.later(note)
        self._services.drain.wake()
        for listener in self.listeners:
            listener(following)
        return True

    async def ready(self) -> None:
        """Work may begin; where all was held when the last process ended, it still is."""
        await self.to(Lifecycle.RUNNING, "ready")
        await self._follow_holds()

    async def _follow_holds(self) -> None:
        """SUSPENDED is: something holds everybody."""
        held = self._services.holds.of_everybody()
        if held and self.state is Lifecycle.RUNNING:
            await self.to(Lifecycle.SUSPENDED, held[0].reason)
        elif not held and self.state is Lifecycle.SUSPENDED:
            await self.to(Lifecycle.RUNNING, "nothing holds it any more")

    async def pause(self, tenant_id: str | None, by: str | None = None) -> bool:
        """A person holds a tenant, or (None) all."""
        reason = f"paused by {by or 'a person'}"
        return await self._services.holds.put(tenant_id, HoldCause.PERSON, reason)

    async def unpause(self, tenant_id: str | None) -> bool:
        """A person lifts every hold but a spent budget: that ends with its day, or is raised."""
        causes = [cause for cause in HoldCause if cause is not HoldCause.BUDGET]
        return bool(await self._services.holds.lift(tenant_id, *causes))

    async def note_failure(self, event_key: str, why: str) -> None:
        """A run failed; too many different events in a row and only a person may go on."""
        if self.streak.failed(event_key) and self.state is Lifecycle.RUNNING:
            await self.to(
                Lifecycle.FAILED, f"{self.streak.count} events failed in a row; the last: {why}"
            )

    def note_success(self) -> None:
        """A run ended well."""
        self.streak.succeeded()

    async def restart(self) -> bool:
        """A person's restart after FAILED or SUSPENDED: the streak is forgotten."""
        self.streak.succeeded()
        if self.state is Lifecycle.SUSPENDED:
            return await self.unpause(None)
        restarted = await self.to(Lifecycle.RUNNING, "restarted by a person")
        await self._follow_holds()
        return restarted
