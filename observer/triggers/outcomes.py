"""An event for what became of another: raised once, and not for ever in a circle."""

from __future__ import annotations

from typing import Any

from observer.domain.event import digest
from observer.errors import InboxFull
from observer.intake import Intake
from observer.records.outcomes import Outcome, Outcomes
from observer.settings.triggers import OutcomeTrigger, RaisedEvent
from observer.triggers.raising import AGAIN_S, REFUSED, Standing, put, raised, wait

SOURCE = "observer"
"""Of events that the observer raises about its own work."""
_AT_ONCE = 50


class OutcomeTriggers:
    """Works off `Outcomes`, in order; what an earlier process left comes first."""

    def __init__(self, outcomes: Outcomes, intake: Intake, triggers: list[OutcomeTrigger]) -> None:
        self._outcomes = outcomes
        self._intake = intake
        self._triggers = triggers
        self._standing = {t.name: Standing(t.name) for t in triggers}

    async def run(self) -> None:
        """Follow outcomes, for ever."""
        while True:
            self._outcomes.fresh.clear()
            await wait(self._outcomes.fresh, None if await self.follow() else AGAIN_S)

    async def follow(self) -> bool:
        """Raise what the outcomes lead to; false: one could not be followed, and still waits."""
        full: dict[str, InboxFull] = {}
        try:
            while waiting := await self._outcomes.waiting(_AT_ONCE, without=full.keys()):
                for outcome in waiting:
                    tenant = outcome.event.tenant_id
                    if tenant in full:
                        continue
                    try:
                        await self._follow(outcome)
                    except InboxFull as error:
                        # A tenant that is held fills its own part: the others' go on.
                        full[tenant] = error
            if full:
                raise next(iter(full.values()))
        except REFUSED as error:
            for standing in self._standing.values():
                standing.wrong(error)
            return False
        for standing in self._standing.values():
            standing.last_error = None
        return True

    async def _follow(self, outcome: Outcome) -> None:
        event = outcome.event
        ended: list[str] = []
        for trigger in self._triggers:
            meant = trigger.when.fits(
                outcome.outcome, outcome.severity, event.stage, event.tenant_id
            )
            if meant and event.depth >= trigger.max_depth:
                ended.append(trigger.name)
            elif meant:
                await self._raise(trigger, outcome)
        await self._outcomes.followed(outcome, ended=ended)

    async def _raise(self, trigger: OutcomeTrigger, outcome: Outcome) -> None:
        event = outcome.event
        following = RaisedEvent(
            **{
                **trigger.event.model_dump(),
                "stage": trigger.event.stage or event.stage,
                "tenant_id": event.tenant_id,
            }
        )
        alert = raised(
            following,
            # Of the event and not of its run: tried again by a person, it ends a second time.
            event_id=f"{trigger.name}-{digest(trigger.name, event.key)[:20]}",
            words={
                "trigger": trigger.name,
                "outcome": outcome.outcome,
                "severity": outcome.severity,
                "stage": event.stage,
                "tenant_id": event.tenant_id,
                "session_id": event.session_id,
                "event_id": event.event_id,
                "message": event.message,
            },
            depth=event.depth + 1,
        )
        await put(self._intake, SOURCE, alert, self._standing[trigger.name])

    def facts(self) -> list[dict[str, Any]]:
        """As `/health` shows them."""
        return [standing.facts() for standing in self._standing.values()]
