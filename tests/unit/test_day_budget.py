"""Case 23 through the door: a tenant's day is counted from the ledger, over restarts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from observer.domain.autonomy import Level, Rule
from observer.domain.budget import DayBudget, RunBudget
from observer.domain.calls import Call, CallStatus, Run
from observer.domain.dependency_tree import DependencyTree
from observer.domain.event import Incident, Severity
from observer.domain.redaction import Redactor
from observer.gateway.budgets import Budgets
from observer.gateway.dispatcher import Dispatcher
from observer.gateway.patience import Patience
from observer.gateway.policy import Policy
from observer.gateway.replies import Reply
from observer.records import ledger as ledger_module
from observer.records.approvals import Approvals
from observer.records.database import Database
from observer.records.events import Events
from observer.records.holds import Holds
from observer.records.journal import Journal
from observer.records.ledger import Ledger
from observer.records.spans import Spans

UTC = ZoneInfo("UTC")
NOON, DAY = 1_800_014_400.0, 86400.0
LIMIT = 3


class Clock:
    """What time it is, for the budget and for the ledger."""

    def __init__(self) -> None:
        self.now = NOON

    def time(self) -> float:
        return self.now


class Backend:
    """A tool server that counts what reached it."""

    calls = 0

    def takes_key(self, tool: str) -> bool:
        return True

    async def call(self, tool: str, args: dict[str, Any]) -> Reply:
        self.calls += 1
        return Reply(CallStatus.SUCCESS, {}, "")

    def version(self, _: str) -> str:
        return "1"


def run_of(tenant: str, event: int) -> Run:
    incident = Incident(
        tenant, "s", f"e-{event}", f"{tenant}-{event}", "loading", "", Severity.WARNING, "", "f"
    )
    return Run(incident, "trace", 0, "span")


@pytest.mark.asyncio
async def test_a_tenants_day_survives_restarts_costs_no_other_and_starts_again_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, clock, backend = Database(tmp_path / "observer.db"), Clock(), Backend()
    monkeypatch.setattr(ledger_module, "time", SimpleNamespace(time=clock.time))
    await database.open()
    journal = Journal(Redactor([]))
    ledger = Ledger(database, journal, Spans(database))
    count = 0

    def started() -> Dispatcher:
        """A process that has just started, on the same records."""
        day = DayBudget(LIMIT, UTC)
        return Dispatcher(
            backend,  # type: ignore[arg-type]
            ledger,
            Approvals(database, journal),
            Policy(
                {tool: Rule(tool, Level.FULL, 1) for tool in ("look", "page")},
                {},
                DependencyTree(),
                ledger,
                Patience(Events(database)),
            ),
            Holds(database, journal),
            Budgets(ledger, RunBudget(9), day, now=clock.time),
            Redactor([]),
            reads_valid_for_s=900.0,
        )

    async def looks(door: Dispatcher, tenant: str, number: int) -> list[str]:
        nonlocal count
        said = []
        for _ in range(number):
            count += 1
            run = run_of(tenant, count)
            said.append((await door.read(Call("look"), key=f"k-{count}", run=run)).status)
        return said

    ok, refused = CallStatus.SUCCESS, CallStatus.REFUSED
    door = started()
    assert await looks(door, "acme", 2) == [ok, ok]
    door = started()
    assert await looks(door, "acme", 2) == [ok, refused]
    assert await looks(door, "globex", 4) == [ok, ok, ok, refused]
    # People are told on any day.
    told = await door.notify(Call("page"), key="p", run=run_of("acme", 0))
    assert told.ok

    clock.now += DAY
    assert await looks(door, "acme", 2) == [ok, ok]
    clock.now -= 1.5 * DAY
    assert await looks(door, "acme", 2) == [ok, refused]
    clock.now += 1.5 * DAY
    assert await looks(door, "acme", 1) == [refused]
    assert await looks(door, "globex", 1) == [ok]
    assert backend.calls == 3 + 3 + 1 + 3 + 1
    await database.close()
