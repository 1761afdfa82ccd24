"""Tell people, one channel a visit: before an approval is awaited, and of every outcome."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from graph.state import ObserverState
from nodes.learn import fix_held
from observer.domain.calls import Call, Observation, Run
from observer.domain.course import Course
from observer.domain.dependency_tree import DependencyTree
from observer.domain.remedy import ApprovalState, RulingKind
from observer.domain.report import Findings
from observer.domain.runbook import Escalation, NoticeTemplate
from observer.domain.templates import fill
from observer.errors import Undelivered
from observer.gateway.dispatcher import Dispatcher
from observer.records.approvals import Approvals
from observer.records.ledger import Ledger
from observer.records.memory import Memory
from observer.records.session_views import SessionViews


async def escalate(
    state: ObserverState,
    dispatcher: Dispatcher,
    escalation: Escalation,
    ledger: Ledger,
    approvals: Approvals,
    memory: Memory,
    session_views: SessionViews,
    tree: DependencyTree,
    run: Run,
) -> dict[str, Any]:
    incident = state["incident"]
    phase = _phase(state)
    planned = _planned(escalation, phase, state)
    if state["to_tell"] is None:
        state = {**state, "to_tell": list(planned), "failed": [], "ending": state["because"]}
    to_tell, failed = list(state["to_tell"] or []), list(state["failed"])
    kept: dict[str, Any] = {"ending": state["ending"]}
    if not to_tell and not failed:
        return {**kept, "to_tell": [], "because": f"nobody is to be told ({phase})"}
    course = await session_views.course(incident.event_key)
    findings = await findings_of(state, tree, memory, course)

    async def tell(name: str) -> Observation:
        call = _fill(planned[name], findings)
        return await dispatcher.notify(
            call, key=incident.key("tell", len(state["tried"]), name), run=run
        )

    if not to_tell:
        if phase != "outcome" and not await approvals.is_pending(incident.event_key):
            return {**kept, "failed": [], "because": "the question was answered meanwhile"}
        # Each of them has a turn at every try, and the ledger knows who was reached.
        tried = {name: await tell(name) for name in failed}
        lacking = [o for o in tried.values() if not o.ok]
        reached = [f"{phase}:{o.tool}" for o in tried.values() if o.ok]
        if lacking:
            raise Undelivered(
                "; ".join(f"{o.tool}: {o.status}: {o.summary}" for o in lacking),
                nobody=not (state["told"] or reached),
            )
        told = [*state["told"], *reached]
        return {**kept, "failed": [], "told": told, "because": "everybody was told at last"}
    name = to_tell.pop(0)
    call = planned[name]
    observation = await tell(name)
    if not observation.ok:
        failed.append(name)
        because = f"{call.tool} failed, will be tried again: {observation.summary}"
        return {**kept, "to_tell": to_tell, "failed": failed, "because": because}
    payloads = await ledger.payloads([observation])
    ticket = (payloads.get(observation.key) or {}).get("incident_id")
    return {
        **kept,
        "to_tell": to_tell,
        "failed": failed,
        "told": [*state["told"], f"{phase}:{call.tool}"],
        "incident_id": ticket if isinstance(ticket, str) else state["incident_id"],
        "because": f"{call.tool}: told",
    }


def _phase(state: ObserverState) -> str:
    """Of what people are told: a question, an action that waits out its patience, or the end."""
    if state["approval"] is not ApprovalState.DUE:
        return "outcome"
    ruling = state["ruling"]
    waits = ruling is not None and ruling.kind is RulingKind.WAIT
    return "patience" if waits else "approval"


def _planned(escalation: Escalation, phase: str, state: ObserverState) -> dict[str, NoticeTemplate]:
    """The notices of this phase by name, without those already given before an approval."""
    phases = {
        "approval": escalation.approval,
        "patience": escalation.patience,
        "outcome": escalation.outcome,
    }
    notices = phases[phase].get(state["incident"].severity, [])
    return {
        f"{phase}-{i}": notice
        for i, notice in enumerate(notices)
        if phase != "outcome" or not (notice.once and f"approval:{notice.tool}" in state["told"])
    }


def _fill(template: NoticeTemplate, findings: Findings) -> Call:
    words = findings.words()
    args = {
        name: fill(value, words) if isinstance(value, str) else value
        for name, value in template.args.items()
    }
    return Call(template.tool, args)


async def findings_of(
    state: ObserverState, tree: DependencyTree, memory: Memory, course: Course
) -> Findings:
    """What is known now, for people. A known error whose fix did not hold explains nothing."""
    known, diagnosis = state["known_error"], state["diagnosis"]
    cause = diagnosis.root_cause if diagnosis else ""
    if known is not None and known not in state["tried"]:
        found = memory.index.find(known)
        cause = f"{found.root_cause if found else ''} (known error {known})"
    retired = None
    if known is not None and fix_held(state) is False:
        retired = await memory.retirement(known, state["incident"])
    incident = state["incident"]
    similar = await memory.similar(
        incident.tenant_id, incident.stage, incident.message, incident.session_id
    )
    return Findings(
        incident=incident,
        observations=state["observations"],
        cause=cause,
        impact=tree.impact(state["incident"].stage, datetime.now(UTC)),
        walk=state.get("walk") or [],
        remedy=state["remedy"],
        healthy=state["healthy"],
        reason=state["ending"],
        spared=state["spared"],
        rolled_back=state.get("rolled_back") or [],
        incident_id=state["incident_id"],
        course=course,
        approval_id=_asked_for(state),
        recovered=bool(state.get("recovered")),
        before=state.get("before") or [],
        after=state.get("after") or [],
        similar=[past.line() for past in similar],
        learned=[] if retired is None else [retired],
    )


def _asked_for(state: ObserverState) -> str:
    remedy = state["remedy"]
    if remedy is None or state["approval"] is not ApprovalState.DUE:
        return ""
    return remedy.approval_id or ""
