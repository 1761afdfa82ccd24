"""Look whether it helped: one look a visit, until healthy or the check's looks are used up."""

from __future__ import annotations

import asyncio
from typing import Any

from graph.state import ObserverState
from observer.domain.calls import CallStatus, Run
from observer.domain.dependency_tree import DependencyTree
from observer.domain.remedy import ApprovalState, Remedy
from observer.domain.runbook import Runbook
from observer.domain.target import acted_upon
from observer.gateway.claims import Claims
from observer.gateway.dispatcher import Dispatcher
from observer.gateway.proof import prove
from observer.records.ledger import Ledger
from observer.settings import Configuration


async def verify(
    state: ObserverState,
    dispatcher: Dispatcher,
    claims: Claims,
    ledger: Ledger,
    runbook: Runbook,
    tree: DependencyTree,
    configuration: Configuration,
    run: Run,
) -> dict[str, Any]:
    incident, remedy = state["incident"], state["remedy"]
    assert remedy is not None  # noqa: S101  only a remedy leads here
    # After a crash another session may be acting on the node: its verdict comes first.
    nodes = acted_upon(remedy, about=incident.stage, tree=tree)
    await claims.take(incident.event_key, *nodes)
    update = await _look(state, dispatcher, ledger, runbook, tree, configuration, run)
    if update.get("healthy") is not None:
        claims.release(incident.event_key)
    return update


async def _look(
    state: ObserverState,
    dispatcher: Dispatcher,
    ledger: Ledger,
    runbook: Runbook,
    tree: DependencyTree,
    configuration: Configuration,
    run: Run,
) -> dict[str, Any]:
    remedy, incident, checks = state["remedy"], state["incident"], state["checks"]
    assert remedy is not None  # noqa: S101  only a remedy leads here
    tries = configuration.observer.remedies.max_tries
    if state.get("rolling_back") is not None:
        return _rolled_back(state, remedy, tries)
    if state["step_failed"]:
        last = state["observations"][-1]
        if last.status is CallStatus.UNKNOWN:
            # Whether it was done cannot be told: no second idea on top, a person decides.
            return _failing(state, remedy, 0, f"it cannot be told whether {last.tool} was done")
        # What a person agreed to and what then failed is theirs again, not ours to replace.
        left = 0 if remedy.approval_id is not None else tries
        return _failing(state, remedy, left, f"{last.tool} failed: {last.summary}")
    check = remedy.check
    if checks:
        await asyncio.sleep(check.interval_s)
    proof = await prove(
        check,
        state.get("promises") or [],
        key=incident.key("verify", len(state["tried"]), checks),
        run=run,
        dispatcher=dispatcher,
        ledger=ledger,
        runbook=runbook,
        tree=tree,
    )
    update: dict[str, Any] = {
        "observations": proof.observations,
        "checks": checks + 1,
        "after": proof.lines,
    }
    if proof.healthy:
        return {**update, "healthy": True, "because": f"verified: {proof.seen}"}
    spent = (checks + 1) * check.interval_s > check.timeout_s
    if spent or proof.refused or not proof.observations:
        why = f"{_credited(state, remedy)} did not heal it: {proof.seen}"
        # What may have healed is not undone without a look.
        if remedy.rollback and not state["spared"] and not proof.refused:
            return {**update, "rolling_back": why, "steps_done": 0, "because": f"{why}; undo it"}
        return {**update, **_failing(state, remedy, tries, why)}
    return {**update, "because": f"not yet: {proof.seen}"}


def _rolled_back(state: ObserverState, remedy: Remedy, tries: int) -> dict[str, Any]:
    """What did not hold was undone; where that failed, a person decides about the rest."""
    last = state["observations"][-1]
    if state["step_failed"]:
        done, tries = f"undoing it failed: {last.tool}: {last.summary}", 0
    else:
        done = f"rolled back ({', '.join(call.tool for call in remedy.rollback)})"
    update = _failing(state, remedy, tries, f"{state['rolling_back']}; {done}")
    told = [*state.get("rolled_back", []), f"{remedy.id}: {done}"]
    return {**update, "rolling_back": None, "rolled_back": told}


def _credited(state: ObserverState, remedy: Remedy) -> str:
    """To what the healing would have been due."""
    if state.get("recovered"):
        return "its recovery"
    return "another session's action" if state["spared"] else remedy.id


def _failing(state: ObserverState, remedy: Remedy, tries: int, why: str) -> dict[str, Any]:
    """This idea is used up; without a remedy the arrow leads to the next one."""
    tried = [*state["tried"], remedy.id, *(call.tool for call in remedy.actions)]
    ideas = state["ideas"] + 1
    if remedy.escalate_message:
        why, tries = f"{remedy.escalate_message} ({why})", 0
    update: dict[str, Any] = {
        "healthy": False,
        "recovered": False,
        "tried": tried,
        "ideas": ideas,
        "because": why,
    }
    if ideas < tries:
        update |= {"remedy": None, "approval": ApprovalState.NONE, "ruling": None}
    return update
