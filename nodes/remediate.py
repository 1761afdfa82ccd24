"""Carry out the next step of the remedy: one step a visit, so one checkpoint a step."""

from __future__ import annotations

from typing import Any

from graph.state import ObserverState
from observer.domain.calls import Run
from observer.domain.conditions import Truth, parse_condition
from observer.domain.evidence import numbers
from observer.domain.remedy import Remedy
from observer.domain.runbook import Runbook
from observer.gateway.claims import Claims
from observer.gateway.dispatcher import Dispatcher
from observer.records.ledger import Ledger


async def remediate(
    state: ObserverState,
    dispatcher: Dispatcher,
    claims: Claims,
    ledger: Ledger,
    runbook: Runbook,
    run: Run,
) -> dict[str, Any]:
    remedy, step, incident = state["remedy"], state["steps_done"], state["incident"]
    assert remedy is not None  # noqa: S101  the arrow here asks for one
    if await claims.take(incident.stage, incident.event_key) and step == 0:
        return await _look_again(state, remedy, dispatcher, ledger, runbook, run)
    observation = await dispatcher.remedy(
        remedy,
        step,
        # Position, not wording: a model that phrases its reason differently after a crash must
        # not earn a second restart.
        key=incident.key("remedy", len(state["tried"]), remedy.id, step),
        run=run,
    )
    return {
        "observations": [observation],
        "steps_done": step + 1,
        "step_failed": not observation.ok,
        "spared": False,
        "checks": 0,
        "healthy": None,
        "because": f"{observation.tool}: {observation.status}",
    }


async def _look_again(
    state: ObserverState,
    remedy: Remedy,
    dispatcher: Dispatcher,
    ledger: Ledger,
    runbook: Runbook,
    run: Run,
) -> dict[str, Any]:
    """Another session has just acted on this node: what is healthy now needs no second action."""
    incident = state["incident"]
    observation = await dispatcher.read(
        runbook.healing_call(incident.stage, incident.severity),
        key=incident.key("look again", len(state["tried"])),
        run=run,
    )
    payloads = await ledger.payloads([observation])
    truth, seen = parse_condition(remedy.check.condition).judge(numbers(payloads.values()))
    update: dict[str, Any] = {"observations": [observation]}
    if truth is not Truth.TRUE:
        return {**update, "because": f"another session acted on {incident.stage}, yet: {seen}"}
    return {
        **update,
        "steps_done": len(remedy.steps),
        "step_failed": False,
        "spared": True,
        "checks": 0,
        "healthy": None,
        "because": f"another session healed {incident.stage}: {seen}",
    }
