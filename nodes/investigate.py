"""Decide what to look at next: down the tree to the cause, then what the runbook reads there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from graph.state import ObserverState
from observer.domain.calls import Call, CallStatus, Observation, Reading
from observer.domain.dependency_tree import DependencyTree
from observer.domain.event import Incident
from observer.domain.node_check import check_call, look_of, unseen
from observer.domain.runbook import Runbook
from observer.domain.walk import Look, diagnosis, next_looks
from observer.records.ledger import Ledger


async def investigate(
    state: ObserverState, runbook: Runbook, tree: DependencyTree, ledger: Ledger
) -> dict[str, Any]:
    # `get`: a run that an earlier release began has no such field.
    if state.get("walk") is not None or state["incident"].severity not in runbook.walk:
        return _read(state, runbook)
    step = await _walk(state, runbook, tree, ledger)
    if step["plan"]:
        return step
    reading = _read({**state, "incident": step["incident"]}, runbook)
    return {**step, **reading, "because": f"{step['because']}; {reading['because']}"}


async def _walk(
    state: ObserverState, runbook: Runbook, tree: DependencyTree, ledger: Ledger
) -> dict[str, Any]:
    """One step further down; at the end of the walk the incident is about the cause."""
    incident, top = state["incident"], state["incident"].stage
    place = incident.key("look", "")
    observed = [o for o in state["observations"] if o.key.startswith(place)]
    payloads = await ledger.payloads(observed)
    looks = {
        name: _look(tree, runbook, name, o, payloads)
        for o in observed
        if (name := o.key.removeprefix(place)) in tree.nodes
    }
    # What may not be looked at now will not be allowed under it, either.
    refused = any(o.status is CallStatus.REFUSED for o in observed)
    calls: dict[str, Call] = {}
    while not calls and not refused and (group := next_looks(tree, top, looks)):
        for name in group:
            call = check_call(tree.nodes[name], runbook)
            if call is None:
                looks[name] = unseen(tree.nodes[name])
            else:
                calls[name] = call
    if calls:
        return {
            "plan": [Reading(key=place + name, call=call) for name, call in calls.items()],
            "because": f"on the way down from {top}: " + ", ".join(calls),
        }
    return _arrived(tree, incident, looks)


def _look(
    tree: DependencyTree,
    runbook: Runbook,
    name: str,
    observation: Observation,
    payloads: Mapping[str, Any],
) -> Look:
    payload = payloads.get(observation.key)
    return look_of(tree.nodes[name], runbook, observation.status, observation.summary, payload)


def _arrived(tree: DependencyTree, incident: Incident, looks: Mapping[str, Look]) -> dict[str, Any]:
    found = diagnosis(tree, incident.stage, looks)
    if not found.causes:
        because = f"nothing that {incident.stage} stands on is ill"
    else:
        cause = found.causes[0]
        because = f"{cause.node}: {cause.because}"
        incident = replace(incident, stage=cause.node)
    return {"plan": [], "incident": incident, "walk": found.lines(), "because": because}


def _read(state: ObserverState, runbook: Runbook) -> dict[str, Any]:
    """The runbook's groups in order, then what a diagnosis asked for."""
    incident = state["incident"]
    groups = runbook.reading_groups(incident.severity, incident.stage)
    done = state["groups_read"]
    diagnosed = state["diagnosis"]
    if diagnosed is not None and diagnosed.reading is not None:
        template = runbook.further_readings[diagnosed.reading]
        calls = [template.fill(stage=incident.stage, severity=incident.severity)]
        because = f"the diagnosis asked for {diagnosed.reading}"
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
