"""What a call may still cost: asked before every call but those that tell people."""

from __future__ import annotations

import time
from collections.abc import Callable

from observer.domain.budget import DayBudget, RunBudget
from observer.domain.calls import Run
from observer.records.ledger import Ledger


class Budgets:
    """The budgets of the running process, each counted on from the ledger after a restart."""

    def __init__(
        self,
        ledger: Ledger,
        per_run: RunBudget,
        per_day: DayBudget,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._per_run = per_run
        self._per_day = per_day
        self._now = now

    async def refusal(self, run: Run) -> str | None:
        """Reserve one call; where a budget is spent, nothing is reserved and this says which."""
        event_key, tenant_id = run.incident.event_key, run.incident.tenant_id
        if not self._per_run.knows(event_key):
            used = await self._ledger.calls_used(event_key) if run.resumed else 0
            self._per_run.open(event_key, used)
        await self._open_day(tenant_id)
        if not self._per_run.reserve(event_key):
            return f"the budget of {self._per_run.limit} tool calls for one event is spent"
        if not self._per_day.reserve(tenant_id):
            return f"today's budget of {self._per_day.limit} tool calls is spent"
        return None

    async def _open_day(self, tenant_id: str) -> None:
        midnight = self._per_day.begin(self._now())
        while not self._per_day.knows(tenant_id):
            used = await self._ledger.calls_since(tenant_id, midnight)
            self._per_day.open(tenant_id, midnight, used)
            # Midnight may have passed in the meantime.
            midnight = self._per_day.begin(self._now())

    def forget(self, event_key: str) -> None:
        """The event is done: its budget is closed."""
        self._per_run.close(event_key)
