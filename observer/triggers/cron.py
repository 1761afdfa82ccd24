"""An event at every tick of a schedule: each once, whatever restarts; missed ones by policy."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from observer.domain.cron import due, from_wrong_clock, next_tick
from observer.domain.event import Severity
from observer.domain.hold import may_begin
from observer.errors import ObserverError
from observer.intake import Intake
from observer.records.trigger_positions import TriggerPositions
from observer.services import Services
from observer.settings.triggers import CronTrigger
from observer.triggers.raising import AGAIN_S, Standing, put, raised

SOURCE = "cron"
_LONGEST_SLEEP_S = 30.0
"""A clock that is put forward is noticed within this time."""


class ClockWasAhead(ObserverError):
    """The clock was far ahead, and is right again."""


class CronTriggers:
    """One loop over all schedules; it sleeps until the next tick of any."""

    def __init__(
        self,
        services: Services,
        intake: Intake,
        positions: TriggerPositions,
        triggers: list[CronTrigger],
    ) -> None:
        self._holds = services.holds
        self._intake = intake
        self._positions = positions
        self._triggers = triggers
        self._standing = {t.name: Standing(t.name) for t in triggers}
        self._upto: dict[str, float] = {}

    async def run(self) -> None:
        """Raise what is due, for ever."""
        await self.begin()
        while True:
            now = _now()
            longest = _LONGEST_SLEEP_S if await self.raise_due(now) else AGAIN_S
            soonest = min(next_tick(t.schedule, t.time_zone, now) for t in self._triggers)
            await asyncio.sleep(max(0.0, min((soonest - _now()).total_seconds(), longest)))

    async def begin(self) -> None:
        """Go on where an earlier process stopped."""
        definitions = {t.name: t.definition for t in self._triggers}
        self._upto = await self._positions.begin_ticks(definitions, _now().timestamp())

    async def raise_due(self, now: datetime) -> bool:
        """False: something of what is due could not be raised, and still is."""
        return all([await self._raise_due(trigger, now) for trigger in self._triggers])

    async def _raise_due(self, trigger: CronTrigger, now: datetime) -> bool:
        standing = self._standing[trigger.name]
        try:
            return await self._raise_ticks(trigger, now, standing)
        except Exception as error:  # of one schedule: the others go on
            standing.wrong(error)
            return False

    async def _raise_ticks(self, trigger: CronTrigger, now: datetime, standing: Standing) -> bool:
        upto = datetime.fromtimestamp(self._upto[trigger.name], UTC)
        if from_wrong_clock(upto, now):
            standing.wrong(
                ClockWasAhead(
                    f"the clock was put back from {upto:%Y-%m-%d %H:%M}: ticks go on from now"
                )
            )
            await self._deal_with(trigger, now)
            return True
        ticks = due(trigger.schedule, trigger.time_zone, upto=upto, now=now, missed=trigger.missed)
        if not ticks:
            return True
        if (held := self._held(trigger)) is not None:
            standing.last_error = held
            return False
        for tick in ticks:
            await self._raise(trigger, tick, standing)
        await self._deal_with(trigger, now)
        standing.last_error = None
        return True

    async def _deal_with(self, trigger: CronTrigger, now: datetime) -> None:
        await self._positions.dealt_with(trigger.name, now.timestamp())
        self._upto[trigger.name] = now.timestamp()

    async def _raise(self, trigger: CronTrigger, tick: datetime, standing: Standing) -> None:
        moment = tick.strftime("%Y-%m-%dT%H:%M:%SZ")
        alert = raised(
            trigger.event,
            event_id=f"{trigger.name}-{moment}",
            words={"trigger": trigger.name, "tick": moment},
            occurred_at=tick,
        )
        await put(self._intake, SOURCE, alert, standing)

    def _held(self, trigger: CronTrigger) -> str | None:
        """While nothing of a tenant begins its ticks are missed ones, not a queue that grows."""
        holds = self._holds.of(trigger.event.tenant_id)
        if may_begin(holds, critical=trigger.event.severity is Severity.CRITICAL):
            return None
        return f"held: {holds[0].reason}"

    def facts(self) -> list[dict[str, Any]]:
        """As `/health` shows them."""
        now = _now()
        return [
            self._standing[t.name].facts(
                next_tick=next_tick(t.schedule, t.time_zone, now).isoformat()
            )
            for t in self._triggers
        ]


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
