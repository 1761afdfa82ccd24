"""Decide what to look at next: the runbook's groups in order, then what a diagnosis asked for."""

from __future__ import annotations

from typing import Any

from graph.state import ObserverState
from observer.domain.calls import Reading
from observer.domain.runbook import Runbook


async def investigate(state: ObserverState, runbook: Runbook) -> dict[str, Any]:
    incident = state["incident"]
    groups = runbook.reading_groups(incident.severity, incident.stage)
    done = state["groups_read"]
    diagnosis = state["diagnosis"]
    if diagnosis is not None and diagnosis.reading is not None:
        template = runbook.further_readings[diagnosis.reading]
        calls = [template.fill(stage=incident.stage, severity=incident.severity)]
        because = f"the diagnosis asked for {diagnosis.reading}"
    elif done < len(groups):
        calls = groups[done]
        because = "the runbook reads " + ", ".join(call.tool for call in calls)
    else:
        return {"plan": [], "because": "everything planned was read"}
    return {
        "plan": [
            Reading(key=incident.key("read", done, i, call.tool), call=call)
            for i, call in enumerate(calls)
        ],
        "groups_read": done + 1,
        "diagnosis": None,
        "because": because,
    }
