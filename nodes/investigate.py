"""Decide what to look at next: down the tree to the cause, then what the runbook reads there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from graph.state import ObserverState
from observer.domain.calls import Call, CallStatus, Reading
from observer.domain.dependency_tree import DependencyTree
from observer.domain.gathering import gathering
from observer.domain.looks import LOOK, PROMISE, of_kind, place
from observer.domain.node_check import check_call, look_of, promise_call, promise_look, unseen
from observer.domain.recovery import counting, verdict
from observer.domain.runbook import Runbook
from observer.domain.walk import Diagnosis, Health, Look, diagnosis, next_looks, promise_line
from observer.records.ledger import Ledger
from observer.records.memory import Memory
from observer.settings import Configuration

_KEPT_FOR_HEALING = 6
"""Calls of an event's budget that reading on leaves to the remedy and its proof."""


async def investigate(
    state: ObserverState,
    runbook: Runbook,
    tree: DependencyTree,
    ledger: Ledger,
    memory: Memory,
    configuration: Configuration,
) -> dict[str, Any]:
    # `get`: a run that an earlier release began has no such field.
    if state.get("walk") is not None or state["incident"].severity not in runbook.walk:
        return _read(state, runbook)
    again = bool(state.get("settled"))
    looks, promises, refused = await _seen(state, runbook, tree, ledger, again)
    calls = {} if refused else _next(state, runbook, tree, looks, again)
    if calls:
        return _planned(state, calls)
    found = diagnosis(tree, state["incident"].stage, looks)
    counted = counting(tree, promises, datetime.now(UTC))
    if runbook.act_on == "event" or found.causes:
        return _arrived(state, found, promises, counted, runbook, tree, memory, configuration)
    health = verdict(tree, looks, counted)
    if health is not Health.UNKNOWN and not again:
        await asyncio.sleep(runbook.settle)
        return {"settled": True, **_planned(state, _next(state, runbook, tree, {}, again=True))}
    return _nobody_is_ill(health, found, promises)


async def _seen(
    state: ObserverState, runbook: Runbook, tree: DependencyTree, ledger: Ledger, again: bool
) -> tuple[dict[str, Look], list[Look], bool]:
    """The nodes and the promises as they were found, and whether a look was refused."""
    incident, observed = state["incident"], state["observations"]
    nodes = of_kind(incident, place(LOOK, again=again), observed)
    asked = of_kind(incident, place(PROMISE, again=again), observed)
    payloads = await ledger.payloads([*nodes.values(), *asked.values()])
    looks = {
        name: look_of(tree.nodes[name], runbook, o.status, o.summary, payloads.get(o.key))
        for name, o in nodes.items()
        if name in tree.nodes
    }
    promises = [
        promise_look(tree.metrics[name], o.status, o.summary, payloads.get(o.key))
        for name, o in asked.items()
        if name in tree.metrics
    ]
    # What may not be looked at now will not be allowed under it, either.
    return looks, promises, any(o.status is CallStatus.REFUSED for o in nodes.values())


def _next(
    state: ObserverState,
    runbook: Runbook,
    tree: DependencyTree,
    looks: dict[str, Look],
    again: bool,
) -> dict[tuple[str, str], Call]:
    """The next step down; with the first one the promises are asked about that are at stake."""
    top = state["incident"].stage
    calls: dict[tuple[str, str], Call] = {}
    asked = of_kind(state["incident"], place(PROMISE, again=again), state["observations"])
    if not looks and not asked:
        for metric in tree.suffering(top):
            if (call := promise_call(metric)) is not None:
                calls[place(PROMISE, again=again), metric.name] = call
    going_down = False
    while not going_down and (group := next_looks(tree, top, looks)):
        for name in group:
            call = check_call(tree.nodes[name], runbook)
            if call is None:
                looks[name] = unseen(tree.nodes[name])
            else:
                going_down = True
                calls[place(LOOK, again=again), name] = call
    return calls


def _planned(state: ObserverState, calls: Mapping[tuple[str, str], Call]) -> dict[str, Any]:
    incident = state["incident"]
    names = ", ".join(name for _, name in calls)
    return {
        "plan": [Reading(incident.key(kind, name), call) for (kind, name), call in calls.items()],
        "because": f"on the way down from {incident.stage}: {names}",
    }


def _arrived(
    state: ObserverState,
    found: Diagnosis,
    promises: list[Look],
    counted: list[Look],
    runbook: Runbook,
    tree: DependencyTree,
    memory: Memory,
    configuration: Configuration,
) -> dict[str, Any]:
    """The incident is about the cause now; what is ill is read about before the runbook's turn."""
    incident = state["incident"]
    because = f"nothing that {incident.stage} stands on is ill"
    broken = [look for look in counted if look.health is not Health.HEALTHY]
    before = [f"{look.node}: {look.evidence}" for look in broken]
    if found.causes:
        cause = found.causes[0]
        because = f"{cause.node}: {cause.because}"
        before.insert(0, because)
        incident = replace(incident, stage=cause.node)
    ours = sum(map(len, runbook.reading_groups(incident.severity, incident.stage)))
    limit = configuration.observer.budget.max_tool_calls_per_run
    room = limit - len(state["observations"]) - ours - _KEPT_FOR_HEALING
    more = gathering(incident, found.ill, tree, runbook, memory.index.of_node, room)
    update: dict[str, Any] = {
        "incident": incident,
        "walk": [*map(promise_line, promises), *found.lines(), *more.note],
        "path": found.ill,
        "doubts": list(found.causes[0].doubts) if found.causes else [],
        "promises": [look.node for look in broken],
        "before": before,
    }
    reading = _read({**state, **update}, runbook)  # type: ignore[typeddict-item]
    if more.calls:
        reading = _planned({**state, "incident": incident}, more.calls)
        reading["because"] = "of what is ill: " + ", ".join(f"{k} {n}" for k, n in more.calls)
    return {**update, **reading, "because": f"{because}; {reading['because']}"}


def _nobody_is_ill(health: Health, found: Diagnosis, promises: list[Look]) -> dict[str, Any]:
    """Where the readings count and blame no node, nothing is done."""
    unseen = [look.node for look in (*found.unseen, *promises) if look.health is Health.UNKNOWN]
    because = {
        Health.HEALTHY: "everything reads healthy, twice: it recovered by itself",
        Health.UNHEALTHY: f"what {found.top} promises is broken, but no node reads ill",
        Health.UNKNOWN: f"no node reads ill, but not all could be seen: {', '.join(unseen)}",
    }
    return {
        "plan": [],
        "walk": [*map(promise_line, promises), *found.lines()],
        "recovered": health is Health.HEALTHY,
        "because": because[health],
    }


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
