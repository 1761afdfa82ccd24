"""A wait ends when it was meant to end, whatever happened to the process or to the clock."""

from __future__ import annotations

import time
from inspect import signature
from types import SimpleNamespace
from typing import Any

import pytest

from graph.routes import after_remediate, after_verify
from graph.state import FRESH
from nodes.remediate import remediate
from observer.domain.calls import Call
from observer.domain.dependency_tree import DependencyTree
from observer.domain.event import Incident, Severity
from observer.domain.remedy import Check, Remedy, Wait
from observer.gateway.claims import Claims

pytestmark = pytest.mark.asyncio
WAIT = Wait(0.2)
CALL = Call("restart_stage", {"stage": "loading"})
REMEDY = Remedy("ke-1", "known error", (WAIT,), Check("m", "a < 1", 1.0, 0.1), rollback=(CALL,))
INCIDENT = Incident("t", "s", "e", "k" * 32, "loading", "", Severity.WARNING, "", "f")


def state(**changed: Any) -> Any:
    return {**FRESH, "incident": INCIDENT, "remedy": REMEDY, "observations": [], **changed}


async def visit(**changed: Any) -> tuple[dict[str, Any], float]:
    """What a visit says, and how long it took: with no door to any tool."""
    doors: dict[str, Any] = dict.fromkeys(list(signature(remediate).parameters)[1:])
    doors["runbook"] = SimpleNamespace(act_on="event")
    doors["tree"] = DependencyTree()
    doors["claims"] = Claims(doors["tree"])
    started = time.monotonic()
    update = await remediate(state(**changed), **doors)
    return update, time.monotonic() - started


async def test_the_first_visit_only_writes_down_when_the_wait_is_over() -> None:
    update, took = await visit()
    assert update["wait_until"] == pytest.approx(time.time() + WAIT.seconds, abs=0.1)
    assert took < WAIT.seconds
    assert await after_remediate(state(**update)) == "next step"


@pytest.mark.parametrize(
    ("rest", "low", "high"),
    [(0.1, 0.05, 0.15), (-3600, 0, 0.1), (3600, 0.2, 1.0)],
    ids=["after a restart only the rest", "long over", "the clock was set back an hour"],
)
async def test_the_second_visit_waits_for_the_rest_and_never_longer_than_the_wait(
    rest: float, low: float, high: float
) -> None:
    """Case 21."""
    update, took = await visit(wait_until=time.time() + rest)
    assert low <= took < high + 0.5
    assert (update["steps_done"], update["wait_until"]) == (1, None)
    assert await after_remediate(state(**update)) == "done"


async def test_the_arrows_lead_through_every_step_of_a_rollback_and_back_to_the_verdict() -> None:
    undoing = state(rolling_back="it did not hold")
    assert await after_verify(undoing) == "roll back"
    assert await after_remediate(undoing) == "next step"
    assert await after_remediate({**undoing, "steps_done": 1}) == "done"
    assert await after_remediate({**undoing, "step_failed": True}) == "done"


async def test_a_run_that_an_earlier_release_began_has_nothing_to_wait_for_or_to_undo() -> None:
    old = state(steps_done=1)
    for field in ("wait_until", "rolling_back", "rolled_back"):
        del old[field]
    assert await after_remediate(old) == "done"
    assert await after_verify({**old, "healthy": True}) == "healthy or spent"
