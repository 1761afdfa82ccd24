"""Write the outcome, the report and the eval candidate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graph.state import ObserverState
from nodes.escalate import findings_of
from observer.domain.calls import Run
from observer.domain.dependency_tree import DependencyTree
from observer.domain.event import Severity
from observer.domain.remedy import ApprovalState
from observer.records.memory import Memory
from observer.records.session_views import SessionViews


async def close(
    state: ObserverState,
    memory: Memory,
    session_views: SessionViews,
    tree: DependencyTree,
    run: Run,
) -> dict[str, Any]:
    incident = state["incident"]
    if incident.severity is Severity.INFO:
        outcome, report = "acknowledged", f"INFO: {incident.severity_reason}"
    else:
        course = await session_views.course(incident.event_key)
        findings = await findings_of(state, tree, memory, course)
        if state.get("recovered"):
            outcome, report = "resolved", findings.text
        else:
            outcome = "resolved" if state["healthy"] else "escalated"
            learned = findings.learned or [f"Learned: {state['because']}"]
            report = replace(findings, learned=learned).text
    await memory.keep_eval_candidate(
        incident.event_key,
        {
            "input": {
                "tenant_id": incident.tenant_id,
                "stage": incident.stage,
                "severity": incident.severity,
                "message": incident.message,
            },
            "session_id": incident.session_id,
            "trace_id": run.trace_id,
            "final_output": report,
            "tool_calls": [
                {"tool": o.tool, "status": o.status, "result": o.summary, "key": o.key}
                for o in state["observations"]
            ],
            "outcome": outcome,
            "user_feedback": None,
            "hitl_override": _hitl(state),
        },
    )
    return {"outcome": outcome, "report": report, "because": outcome}


def _hitl(state: ObserverState) -> dict[str, Any]:
    return {
        "fired": state["approval"] is not ApprovalState.NONE,
        "decision": str(state["approval"]),
    }
