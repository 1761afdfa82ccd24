"""What `investigate` plans on the way down, and when it stops going down."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from graph.state import FRESH
from nodes.investigate import investigate
from observer.domain.calls import CallStatus, Observation
from observer.domain.dependency_tree import DependencyTree, HealthCheck, Metric, Node
from observer.domain.event import Incident, Severity
from observer.domain.matching import KnownErrorIndex
from observer.domain.runbook import Runbook
from observer.domain.windows import ALWAYS
from observer.settings import load_configuration

pytestmark = pytest.mark.asyncio
CONFIG = Path(__file__).parents[2] / "config"
CONFIGURATION = load_configuration(CONFIG)
RUNBOOK = CONFIGURATION.runbook.model_copy(update={"walk": [Severity.WARNING]})
BY_READINGS = RUNBOOK.model_copy(update={"act_on": "readings", "settle": 0.01})
MEMORY = SimpleNamespace(index=KnownErrorIndex())
STAGE = HealthCheck("stage_metrics")
TREE = DependencyTree(
    metrics={"fresh": Metric("fresh", "", "60s", ALWAYS, depends_on=("dark",))},
    nodes={
        "dark": Node("dark", "process", depends_on=("left", "right")),
        "left": Node("left", "stage", healthcheck=STAGE, depends_on=("deep",)),
        "right": Node("right", "stage", healthcheck=STAGE),
        "deep": Node("deep", "stage", healthcheck=STAGE),
    },
)


class Payloads:
    """A ledger that knows the error rate of each node."""

    def __init__(self, **rates: float) -> None:
        self._rates = rates

    async def payloads(self, observations: list[Observation]) -> dict[str, Any]:
        named = {o.key: o.key.rpartition("/")[2] for o in observations if o.ok}
        return {key: {"error_rate_pct": self._rates[name]} for key, name in named.items()}


def incident(stage: str) -> Incident:
    return Incident("t", "s", "e", "k" * 32, stage, "", Severity.WARNING, "", "f")


async def visit(
    stage: str, ledger: Payloads, runbook: Runbook = RUNBOOK, **statuses: CallStatus
) -> dict[str, Any]:
    about = incident(stage)
    seen = [Observation(about.key("look", n), "look", s, "") for n, s in statuses.items()]
    state: Any = {**FRESH, "observations": seen, "incident": about}
    return await investigate(state, runbook, TREE, ledger, MEMORY, CONFIGURATION)  # type: ignore[arg-type]


def planned(update: dict[str, Any]) -> list[str]:
    return [reading.key.rpartition("/")[2] for reading in update["plan"]]


async def test_what_has_no_healthcheck_is_passed_and_siblings_are_looked_at_together() -> None:
    update = await visit("fresh", Payloads())
    assert planned(update) == ["left", "right"]
    assert "walk" not in update


async def test_at_the_end_the_incident_is_about_the_cause_and_its_readings_begin() -> None:
    ok = CallStatus.SUCCESS
    update = await visit("fresh", Payloads(left=3, right=0, deep=0), left=ok, right=ok, deep=ok)
    assert update["incident"].stage == "left"
    assert update["walk"][:2] == [
        "Found: left: error_rate_pct is 3 (< 1); what it stands on is not ill: deep",
        "Path: fresh → dark → left",
    ]
    assert update["walk"][-1] == "Not seen: dark: dependency_tree.yaml has no healthcheck for it"
    assert {reading.call.args.get("stage") for reading in update["plan"]} == {"left"}
    assert update["groups_read"] == 1


async def test_a_refused_look_ends_the_walk_with_what_was_seen() -> None:
    """Where the budget is spent, the rest of the tree is not asked for, node by node."""
    refused = CallStatus.REFUSED
    update = await visit("fresh", Payloads(left=3), left=CallStatus.SUCCESS, right=refused)
    assert update["incident"].stage == "left"
    assert any(line.startswith("Not seen: right") for line in update["walk"])


async def test_where_nothing_is_ill_the_incident_stays_what_it_was_about() -> None:
    update = await visit("right", Payloads(right=0), right=CallStatus.SUCCESS)
    assert update["incident"].stage == "right"
    assert update["walk"] == [
        "Found: nothing that right stands on is ill",
        "Cleared: right: error_rate_pct is 0 (< 1)",
    ]


async def test_what_is_healthy_is_looked_at_again_under_the_same_keys_after_a_crash() -> None:
    """Case 1: cut in the wait between the looks, a resumed run plans the same second ones."""
    first, resumed = [
        await visit("right", Payloads(right=0), BY_READINGS, right=CallStatus.SUCCESS)
        for _ in range(2)
    ]
    assert planned(first) == ["right"]
    assert first["settled"]
    assert "walk" not in first
    assert [reading.key for reading in first["plan"]] == [
        reading.key for reading in resumed["plan"]
    ]
    assert "/second look/" in first["plan"][0].key


async def test_where_the_readings_count_what_was_not_allowed_to_be_seen_is_not_well() -> None:
    """Case 28: a look that was refused, as with a spent budget, says nothing."""
    update = await visit("right", Payloads(), BY_READINGS, right=CallStatus.REFUSED)
    assert (update["recovered"], update["plan"]) == (False, [])
    assert update["because"] == "no node reads ill, but not all could be seen: right"
