"""Rule on a remedy and, where the rule says so, wait: for a person's word, or out its patience."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from langgraph.types import interrupt

from graph.state import ObserverState
from observer.domain.approval import ELAPSED, plan_of
from observer.domain.calls import Call, Run
from observer.domain.dependency_tree import DependencyTree
from observer.domain.event import digest
from observer.domain.remedy import ApprovalState, Remedy, Ruling, RulingKind
from observer.gateway.dispatcher import Dispatcher
from observer.records.approvals import Approvals
from observer.records.kill_switch import KillSwitch
from observer.records.memory import Memory
from observer.records.steps import Steps
from observer.settings import Configuration

DECISIONS = ["approve", "edit", "reject"]


async def seek_approval(
    state: ObserverState,
    dispatcher: Dispatcher,
    approvals: Approvals,
    kill_switch: KillSwitch,
    tree: DependencyTree,
    configuration: Configuration,
    memory: Memory,
    steps: Steps,
    run: Run,
) -> dict[str, Any]:
    remedy, waits = state["remedy"], state.get("waits", 0)
    kept: dict[str, Any] = {}
    if state["approval"] is ApprovalState.DUE and remedy is not None:
        # Nothing may stand before the interrupt: this node runs again from its top.
        ruling = state["ruling"]
        answer = interrupt(request_for(remedy, ruling.reason if ruling else ""))
        decisions = await approvals.take_up(str(remedy.approval_id), answer["decisions"])
        steps.answered(run, await approvals.get(str(remedy.approval_id)))
        if not any(d["type"] == ELAPSED for d in decisions):
            return await _take_up(decisions, remedy, dispatcher, run)
        # Its patience is over, and nobody has said yes: everything is ruled on again.
        remedy, waits = replace(remedy, approval_id=None), waits + 1
        kept = {
            "remedy": remedy,
            "approval": ApprovalState.NONE,
            "to_tell": None,
            "waits": waits,
            "look_again": True,
        }
    if remedy is None:
        return _refused(f"{state['known_error']} is a case for a person")
    if tree.find(run.incident.stage) is None:
        return _refused(f"{run.incident.stage} is not in dependency_tree.yaml: a case for a person")
    if (switched_off := await kill_switch.why_refused(run.incident.tenant_id)) is not None:
        return {**kept, **_refused(switched_off)}
    ruling = await dispatcher.rule_on(remedy, run)
    if ruling.kind not in (RulingKind.ASK, RulingKind.WAIT):
        return {**kept, "ruling": ruling, "because": ruling.reason}
    incident, patient = run.incident, ruling.kind is RulingKind.WAIT
    place = [str(len(state["tried"])), *([str(waits)] if waits else [])]
    asked = replace(remedy, approval_id=digest(incident.event_key, remedy.id, *place)[:16])
    similar = await memory.similar(
        incident.tenant_id, incident.stage, incident.message, incident.session_id
    )
    await approvals.ask(
        str(asked.approval_id),
        incident,
        fingerprint=asked.fingerprint,
        request=request_for(asked, ruling.reason),
        similar=[past.line() for past in similar],
        impact=tree.impact(incident.stage, datetime.now(UTC)),
        deadline_s=ruling.wait_s if patient else configuration.observer.approvals.deadline,
        runs_by_itself=patient,
    )
    return {
        **kept,
        "ruling": ruling,
        "remedy": asked,
        "approval": ApprovalState.DUE,
        "to_tell": None,
        "because": ruling.reason,
    }


def _refused(reason: str) -> dict[str, Any]:
    return {"ruling": Ruling(RulingKind.REFUSE, reason), "because": reason}


def request_for(remedy: Remedy, reason: str) -> dict[str, Any]:
    """The question, in the shape of LangChain's HITLRequest."""
    purposes = [remedy.id] * len(remedy.actions) + [f"rollback of {remedy.id}"] * len(
        remedy.rollback
    )
    return {
        "action_requests": [
            {"name": call.tool, "args": call.args, "description": f"{purpose}: {reason}"}
            for call, purpose in zip(remedy.calls, purposes, strict=True)
        ],
        "review_configs": [
            {"action_name": call.tool, "allowed_decisions": DECISIONS} for call in remedy.calls
        ],
        **plan_of(remedy),
    }


async def _take_up(
    decisions: list[dict[str, Any]], remedy: Remedy, dispatcher: Dispatcher, run: Run
) -> dict[str, Any]:
    rejected = next((d for d in decisions if d["type"] == "reject"), None)
    if rejected is not None:
        return _rejected(f"rejected: {rejected.get('message') or 'no reason given'}")
    calls = [
        Call(d["edited_action"]["name"], d["edited_action"]["args"]) if d["type"] == "edit" else c
        for d, c in zip(decisions, remedy.calls, strict=True)
    ]
    approved = remedy.with_calls(calls)
    ruling = await dispatcher.rule_on(approved, run)
    if ruling.kind is RulingKind.REFUSE:
        return _rejected(f"approved, and refused all the same: {ruling.reason}")
    return {
        "approval": ApprovalState.APPROVED,
        "to_tell": None,
        "remedy": approved,
        "because": f"approved by a person: {remedy.approval_id}",
    }


def _rejected(because: str) -> dict[str, Any]:
    return {"approval": ApprovalState.REJECTED, "because": because, "to_tell": None}
