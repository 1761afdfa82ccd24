"""Write the outcome and the report; the end of the run leaves the eval candidate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graph.state import ObserverState
from nodes.escalate import findings_of
from observer.domain.calls import CallStatus
from observer.domain.dependency_tree import DependencyTree
from observer.domain.event import Severity
from observer.records.memory import Memory
from observer.records.session_views import SessionViews


async def close(
    state: ObserverState,
    memory: Memory,
    session_views: SessionViews,
    tree: DependencyTree,
) -> dict[str, Any]:
    incident, cause = state["incident"], ""
    if incident.severity is Severity.INFO:
        outcome, report = "acknowledged", f"INFO: {incident.severity_reason}"
    else:
        course = await session_views.course(incident.event_key)
        findings = await findings_of(state, tree, memory, course)
        if state.get("recovered") and state["healthy"] is None:
            outcome, report = "resolved", findings.text
        else:
            outcome = "resolved" if state["healthy"] else "escalated"
            learned = findings.learned or [f"Learned: {state['because']}"]
            report = replace(findings, learned=learned).text
        cause = findings.cause
    await memory.keep(
        incident,
        cause=cause,
        walk=state.get("walk") or [],
        attempts=_attempts(state),
        outcome=outcome,
    )
    return {"outcome": outcome, "report": report, "because": outcome}


def _attempts(state: ObserverState) -> list[tuple[str, bool]]:
    """Each idea that was carried out, by its tools, and whether it held."""
    steps, ideas = state["incident"].key("remedy", ""), dict[str, list[str]]()
    for o in state["observations"]:
        if o.key.startswith(steps) and o.status is not CallStatus.REFUSED:
            ideas.setdefault(o.key.removeprefix(steps).partition("/")[0], []).append(o.tool)
    tried = [", ".join(dict.fromkeys(tools)) for tools in ideas.values()]
    healed = state["healthy"] is True and not state["spared"]
    return [(idea, healed and place == len(tried)) for place, idea in enumerate(tried, start=1)]
