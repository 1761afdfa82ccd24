"""docs/budget.md does what it says: its section loads, its sentences and keys are the code's."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
import yaml

from observer.domain.budget import DayBudget, Meter
from observer.gateway.today import Today
from observer.settings import strict_yaml
from observer.settings.budget import Budget, TenantBudget
from tests.day_budgets import amounts, limits

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "budget.md").read_text()
(SECTION,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
SHIPPED = (ROOT / "config" / "observer.yaml", ROOT / "observer/examples/stack/observer.yaml")


def test_its_section_loads_and_a_tenant_has_what_the_page_says() -> None:
    budget = Budget.model_validate(yaml.safe_load(SECTION)["budget"])
    acme, globex = budget.limits.of("acme"), budget.limits.of("globex")
    assert (acme[Meter.TOOL_CALLS], acme[Meter.COST]) == (500, 1_500_000_000)
    assert (globex[Meter.TOOL_CALLS], globex[Meter.COST]) == (1000, 5_000_000_000)
    budget_of_day = DayBudget(budget.limits, budget.time_zone)
    spent = budget_of_day.why_not("acme", Meter.TOOL_CALLS, 501)
    assert spent is not None
    assert f"`{spent.reason}`" in " ".join(PAGE.split())


@pytest.mark.parametrize("key", sorted({*Budget.model_fields, *TenantBudget.model_fields}))
def test_every_key_is_on_the_page_and_in_the_shipped_files(key: str) -> None:
    assert f"{key}:" in SECTION
    for file in SHIPPED:
        section = file.read_text().split("\nbudget:\n")[1].split("\n\n")[0]
        assert f" {key}:" in section, f"{key} is not documented in {file.name}"


def test_what_health_shows_is_named() -> None:
    day, nothing = DayBudget(limits(), ZoneInfo("UTC")), cast("Any", None)
    day.begin(date(2026, 11, 22), {"acme": amounts()})
    shown = Today(day, nothing, nothing, pauses=True).shown()
    of_acme = shown["used"]["acme"]
    for word in ("day", "ends_in_s", *of_acme, *of_acme["cost_usd"]):
        assert f"`{word}`" in PAGE


def test_the_shipped_files_are_read_as_they_stand() -> None:
    for file in SHIPPED:
        Budget.model_validate(strict_yaml.load(file).value["budget"])
