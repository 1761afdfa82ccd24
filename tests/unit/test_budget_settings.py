"""The section `budget`: what is left out is as for the next wider circle."""

from __future__ import annotations

from pathlib import Path

import pytest

from observer.domain.budget import NANO, Meter
from observer.domain.hold import EVERYBODY
from observer.settings import load_configuration
from observer.settings.budget import Budget

SHIPPED = Path(__file__).parents[2] / "config"
NARROW = {
    "max_tool_calls_per_day": 100,
    "max_cost_per_day": 1.1,
    "per_tenant": {"max_tool_calls_per_day": 40},
    "tenants": {"acme": {"max_cost_per_day": 0.3}, "globex": {"max_tool_calls_per_day": 7}},
}


@pytest.mark.parametrize(
    ("whom", "calls", "nano"),
    [
        (EVERYBODY, 100, 1_100_000_000),
        ("acme", 40, 300_000_000),
        ("globex", 7, 1_100_000_000),
        ("initech", 40, 1_100_000_000),
    ],
)
def test_a_tenant_has_its_own_limit_else_each_tenants_else_everybodys(
    whom: str, calls: int, nano: int
) -> None:
    limits = Budget.model_validate(NARROW).limits.of(whom)
    assert limits == {Meter.TOOL_CALLS: calls, Meter.COST: nano, Meter.IRREVERSIBLE: 10}


def test_the_shipped_day_is_the_labs() -> None:
    budget = load_configuration(SHIPPED).observer.budget
    assert budget == Budget()
    assert budget.on_exceeded == "pause"
    assert budget.max_tool_calls_per_run == 20
    assert budget.limits.of("acme") == budget.limits.of(EVERYBODY)
    assert budget.limits.of("acme")[Meter.COST] == 5 * NANO
    assert budget.limits.of("acme")[Meter.TOOL_CALLS] == 2000


def test_the_environment_sets_one_tenants_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "OBSERVER__BUDGET__TENANTS"
    monkeypatch.setenv(name, '{"acme": {"max_tool_calls_per_day": 5}}')
    monkeypatch.setenv("OBSERVER__BUDGET__PER_TENANT__MAX_COST_PER_DAY", "0.5")
    limits = load_configuration(SHIPPED).observer.budget.limits
    assert limits.of("acme")[Meter.TOOL_CALLS] == 5
    assert limits.of("acme")[Meter.COST] == limits.of("globex")[Meter.COST] == NANO // 2
    assert limits.of(EVERYBODY)[Meter.COST] == 5 * NANO
