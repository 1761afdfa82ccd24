"""What may still be used today, by each tenant and by all; and who waits where it is spent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from observer.domain.budget import NANO, Amounts, DayBudget, Meter, Spent
from observer.domain.hold import EVERYBODY, HoldCause
from observer.records.holds import Holds
from observer.records.spending import Begun, Spending


class Today:
    """The day of the running process, counted on from the records after a restart.

    With `pauses`, a day that is spent holds the tenant, or all, until there is room again.
    """

    def __init__(
        self,
        budget: DayBudget,
        spending: Spending,
        holds: Holds,
        *,
        pauses: bool,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._budget = budget
        self._spending = spending
        self._holds = holds
        self._pauses = pauses
        self._now = now
        self._begun: Begun | None = None
        self._turn = asyncio.Lock()

    @property
    def day(self) -> date:
        """Which day it is for the budget."""
        return self._budget.day

    @property
    def seconds_left(self) -> float:
        """How long the day goes on by the clock; negative where it is over."""
        return self._budget.ends_at - self._now()

    async def look(self) -> bool:
        """Begin the day that is due, and lift the holds for which there is room again.

        Returns whether a day began.
        """
        async with self._turn:
            if self._begun is None and (left := await self._spending.begun()) is not None:
                await self._go_on(left)
            begins = self._budget.due(self._now())
            if begins is not None:
                begun = await self._spending.begin(begins, self._budget.begins_at(begins))
                self._budget.begin(begins, await self._spending.used(begun))
                self._begun = begun
            await self._lift()
            return begins is not None

    async def _go_on(self, left: Begun) -> None:
        """With the day that an earlier process began, under the limits of this one."""
        self._budget.begin(left.day, await self._spending.used(left))
        still = [spent for spent in left.spent if self._budget.why_not(*spent) is not None]
        self._begun = replace(left, spent=tuple(still))

    async def _lift(self) -> None:
        assert self._begun is not None  # noqa: S101  a day has begun
        spent = {whom for whom, _, _ in self._begun.spent if self._pauses}
        for hold in self._holds.listed():
            if hold.cause is HoldCause.BUDGET and hold.tenant_id not in spent:
                await self._holds.lift(_tenant(hold.tenant_id), HoldCause.BUDGET)

    async def reserve(
        self, key: str, tenant_id: str, wanted: Amounts, *, holds: bool = True
    ) -> str | None:
        """Take amounts from the day; where they do not fit, nothing is taken and this says why.

        Without `holds`, nobody waits for what did not fit, and the day is not called spent.
        """
        if self._budget.due(self._now()) is not None:
            await self.look()
        spent = self._budget.reserve(key, tenant_id, wanted)
        if spent is None:
            return None
        if holds and spent.until_tomorrow:
            await self._note(spent, self.day)
        return spent.reason

    async def count(self, key: str, tenant_id: str, wanted: Amounts) -> None:
        """Take amounts from the day without asking, though they pass a limit."""
        if self._budget.due(self._now()) is not None:
            await self.look()
        self._budget.count(key, tenant_id, wanted)

    def settle(self, key: str, used: Amounts) -> None:
        """What was really used of a reservation."""
        self._budget.settle(key, used)

    async def _note(self, spent: Spent, day: date) -> None:
        """Once a day, for whom and of what; and where that is asked for, they wait from now on."""
        async with self._turn:
            begun = self._begun
            assert begun is not None  # noqa: S101  something was reserved
            if begun.day != day:
                return
            if (spent.whom, spent.meter) not in {(whom, meter) for whom, meter, _ in begun.spent}:
                row = (spent.whom, spent.meter, spent.wanted)
                begun = replace(begun, spent=(*begun.spent, row))
                await self._spending.note_spent(begun, spent, pauses=self._pauses)
                self._begun = begun
            if self._pauses:
                await self._holds.put(_tenant(spent.whom), HoldCause.BUDGET, spent.reason)

    def left(self, whom: str) -> dict[Meter, tuple[int, int]]:
        """Of each meter, what a tenant, or all (`*`), may still use today, and the limit."""
        used, limits = self._budget.used(), self._budget.limits.of(whom)
        return {
            meter: (max(0, limits[meter] - used.get(whom, {}).get(meter, 0)), limits[meter])
            for meter in Meter
        }

    def shown(self) -> dict[str, Any]:
        """The day for `/health`: used and limit of each meter, of all (`*`) and of each tenant."""
        used = self._budget.used()
        return {
            "day": None if self._begun is None else self.day.isoformat(),
            "time_zone": self._budget.zone.key,
            "ends_in_s": round(max(0.0, self.seconds_left)),
            "used": {whom: _shown(used[whom], self._budget.limits.of(whom)) for whom in used},
        }


def _tenant(whom: str) -> str | None:
    return None if whom == EVERYBODY else whom


def _shown(used: Amounts, limits: Amounts) -> dict[str, dict[str, float]]:
    return {
        "tool_calls": _of(used[Meter.TOOL_CALLS], limits[Meter.TOOL_CALLS]),
        "cost_usd": _of(used[Meter.COST] / NANO, limits[Meter.COST] / NANO),
        "irreversible": _of(used[Meter.IRREVERSIBLE], limits[Meter.IRREVERSIBLE]),
    }


def _of(used: float, limit: float) -> dict[str, float]:
    return {"used": used, "limit": limit}
