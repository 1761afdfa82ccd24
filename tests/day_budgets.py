"""Budgets for tests that build their own doors: real ones, on the records of the test."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from observer.domain.budget import Amounts, DayBudget, Limits, Meter, RunBudget
from observer.gateway.budgets import Budgets
from observer.gateway.today import Today
from observer.records.database import Database
from observer.records.holds import Holds
from observer.records.journal import Journal
from observer.records.ledger import Ledger
from observer.records.spending import Spending

ROOMY = 10**12


def amounts(calls: int = ROOMY, nano: int = ROOMY, irreversible: int = ROOMY) -> Amounts:
    """Of each meter."""
    return {Meter.TOOL_CALLS: calls, Meter.COST: nano, Meter.IRREVERSIBLE: irreversible}


def limits(
    everybody: Amounts | None = None,
    each_tenant: Amounts | None = None,
    tenants: Mapping[str, Amounts] | None = None,
) -> Limits:
    """What is not given is without end."""
    return Limits(everybody or amounts(), each_tenant or amounts(), tenants or {})


def today(
    database: Database,
    journal: Journal,
    holds: Holds,
    of_day: Limits | None = None,
    *,
    zone: str = "UTC",
    pauses: bool = True,
    irreversible: tuple[str, ...] = (),
    now: Callable[[], float] | None = None,
) -> Today:
    """A day on these records, as a process that has just started has it."""
    budget = DayBudget(of_day or limits(), ZoneInfo(zone))
    spending = Spending(database, journal, irreversible)
    return Today(budget, spending, holds, pauses=pauses, now=now or time.time)


def roomy_budgets(
    database: Database, journal: Journal, ledger: Ledger, holds: Holds, per_run: int = 10**9
) -> Budgets:
    """Days without end, and so many calls for one event."""
    return Budgets(ledger, RunBudget(per_run), today(database, journal, holds), ())
