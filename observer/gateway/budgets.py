"""What a call may still cost: asked before every call but those that tell people."""

from __future__ import annotations

from collections.abc import Collection

from observer.domain.budget import Amounts, Meter, RunBudget
from observer.domain.calls import Call, Run
from observer.gateway.today import Today
from observer.records.ledger import Ledger


class Budgets:
    """The event's budget and the day's, each counted on from the ledger after a restart."""

    def __init__(
        self, ledger: Ledger, per_run: RunBudget, today: Today, irreversible: Collection[str]
    ) -> None:
        self._ledger = ledger
        self._per_run = per_run
        self._today = today
        self._irreversible = frozenset(irreversible)
        self._reserved: dict[str, tuple[str, Amounts]] = {}

    async def refusal(self, call: Call, *, key: str, run: Run) -> str | None:
        """Reserve one call; where a budget is spent, nothing is reserved and this says which.

        A key that is reserved already is the same call once more.
        """
        event_key = run.incident.event_key
        if key in self._reserved:
            return None
        await self._open(run)
        if not self._per_run.reserve(event_key):
            return f"the budget of {self._per_run.limit} tool calls for one event is spent"
        wanted = self._wanted(call)
        self._reserved[key] = (event_key, wanted)
        why = None
        try:
            why = await self._today.reserve(key, run.incident.tenant_id, wanted)
        except BaseException:
            self.settle(key, made=False)
            raise
        if why is not None:
            self.settle(key, made=False)
        return why

    async def count(self, call: Call, *, key: str, run: Run) -> None:
        """Reserve one call that goes on with what has begun: it may pass a cap, and is counted."""
        event_key, wanted = run.incident.event_key, self._wanted(call)
        if key in self._reserved:
            return
        await self._open(run)
        await self._today.count(key, run.incident.tenant_id, wanted)
        self._per_run.count(event_key)
        self._reserved[key] = (event_key, wanted)

    async def _open(self, run: Run) -> None:
        event_key = run.incident.event_key
        if not self._per_run.knows(event_key):
            used = await self._ledger.calls_used(event_key) if run.resumed else 0
            self._per_run.open(event_key, used)

    def _wanted(self, call: Call) -> Amounts:
        wanted = {Meter.TOOL_CALLS: 1}
        if call.tool in self._irreversible:
            wanted[Meter.IRREVERSIBLE] = 1
        return wanted

    def settle(self, key: str, *, made: bool) -> None:
        """The call was made, whatever came of it, or it was not and gives its place back."""
        event_key, wanted = self._reserved.pop(key, (None, {}))
        self._today.settle(key, wanted if made else {})
        if event_key is not None and not made:
            self._per_run.give_back(event_key)

    def forget(self, event_key: str) -> None:
        """The event is done: its budget is closed."""
        self._per_run.close(event_key)
        # A call that trouble with the records cut off was never settled: the day counts it.
        ours = [key for key, (event, _) in self._reserved.items() if event == event_key]
        for key in ours:
            del self._reserved[key]
