"""Carry out the next step of the remedy or of its rollback: one a visit, so one checkpoint each."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from graph.state import ObserverState
from observer.domain.calls import Call, Run
from observer.domain.dependency_tree import DependencyTree
from observer.domain.remedy import Remedy, Wait
from observer.domain.runbook import Runbook
from observer.domain.target import acted_upon, may_have_healed
from observer.gateway.claims import Claims
from observer.gateway.dispatcher import Dispatcher
from observer.gateway.proof import prove
from observer.records.ledger import Ledger


async def remediate(
    state: ObserverState,
    dispatcher: Dispatcher,
    claims: Claims,
    ledger: Ledger,
    runbook: Runbook,
    tree: DependencyTree,
    run: Run,
) -> dict[str, Any]:
    remedy, step, incident = state["remedy"], state["steps_done"], state["incident"]
    assert remedy is not None  # noqa: S101  the arrow here asks for one
    rollback = state.get("rolling_back") is not None
    done = remedy.rollback[:step] if rollback else remedy.steps[:step]
    nodes = acted_upon(remedy, about=incident.stage, tree=tree)
    others = await claims.take(incident.event_key, *nodes)
    readings_count = runbook.act_on == "readings"
    waited = may_have_healed(others, {*nodes}, readings_count=readings_count)
    begun = any(isinstance(earlier, Call) for earlier in done)
    if not begun and (waited or state.get("look_again")):
        return await _look_again(state, remedy, dispatcher, ledger, runbook, tree, run, waited)
    wait = remedy.steps[step] if not rollback else None
    if isinstance(wait, Wait):
        return await _wait(state, wait)
    observation = await dispatcher.remedy(
        remedy,
        step,
        # Position, not wording: a model that phrases its reason differently after a crash must
        # not earn a second restart.
        key=incident.key(
            "rollback" if rollback else "remedy", len(state["tried"]), remedy.id, step
        ),
        run=run,
        rollback=rollback,
    )
    return {
        "observations": [observation],
        "steps_done": step + 1,
        "step_failed": not observation.ok,
        **_AFRESH,
        "because": f"{observation.tool}: {observation.status}",
    }


_AFRESH: dict[str, Any] = {"spared": False, "recovered": False, "checks": 0, "healthy": None}


async def _wait(state: ObserverState, wait: Wait) -> dict[str, Any]:
    """Two visits: the first fixes the end, so that a restart waits only for the rest."""
    until = state.get("wait_until")
    if until is None:
        until = time.time() + wait.seconds
        return {"wait_until": until, "because": f"waits {wait.seconds:g} s: it may recover"}
    # A clock that was set back must not make it longer than it was meant to be.
    await asyncio.sleep(min(max(until - time.time(), 0.0), wait.seconds))
    return {
        "wait_until": None,
        "steps_done": state["steps_done"] + 1,
        "step_failed": False,
        **_AFRESH,
        "because": f"waited {wait.seconds:g} s",
    }


async def _look_again(
    state: ObserverState,
    remedy: Remedy,
    dispatcher: Dispatcher,
    ledger: Ledger,
    runbook: Runbook,
    tree: DependencyTree,
    run: Run,
    waited: bool,
) -> dict[str, Any]:
    """Another session has just acted, or time has passed: what is healthy now needs no action."""
    who = "another session" if waited else "time"
    incident = state["incident"]
    proof = await prove(
        remedy.check,
        state.get("promises") or [],
        key=incident.key(
            "look again", len(state["tried"]), "" if state.get("rolling_back") is None else "undo"
        ),
        run=run,
        dispatcher=dispatcher,
        ledger=ledger,
        runbook=runbook,
        tree=tree,
    )
    update: dict[str, Any] = {"observations": proof.observations, "look_again": False}
    if not proof.healthy:
        return {**update, "because": f"{who} did not heal {incident.stage}: {proof.seen}"}
    return {
        **update,
        "steps_done": len(remedy.steps),
        "step_failed": False,
        "wait_until": None,
        "rolling_back": None,
        **_AFRESH,
        "spared": True,
        "recovered": not waited,
        "because": f"{who} healed {incident.stage}: {proof.seen}",
    }
