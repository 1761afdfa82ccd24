"""What proves that a node is healed: the looks, and what their answers amount to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from observer.domain.calls import Call, CallStatus
from observer.domain.conditions import parse_condition
from observer.domain.dependency_tree import DependencyTree
from observer.domain.event import Incident
from observer.domain.evidence import numbers
from observer.domain.looks import CONDITION, LOOK, PROMISE
from observer.domain.node_check import HEALTH_OF, check_call, look_of, promise_call, promise_look
from observer.domain.remedy import Check
from observer.domain.runbook import Runbook
from observer.domain.walk import Look


@dataclass(frozen=True)
class ProofLook:
    """One of the looks: all of them must be healthy."""

    name: str
    """Its place in the run's keys; empty for the only one."""
    call: Call
    judge: Callable[[CallStatus, str, Any], Look]


def proof_looks(
    check: Check,
    incident: Incident,
    promises: Iterable[str],
    tree: DependencyTree,
    runbook: Runbook,
) -> list[ProofLook]:
    """The check's tool; or without one the node's own check, the promises, and the condition.

    The promises are those that were not kept before. Without any look nothing is proven.
    """
    if check.tool:
        return [_condition(check, incident, runbook, "")]
    looks: list[ProofLook] = []
    node = tree.find(incident.stage)
    call = None if node is None else check_call(node, runbook)
    if node is not None and call is not None:
        looks.append(ProofLook(LOOK, call, partial(look_of, node, runbook)))
    for name in promises:
        metric = tree.metrics.get(name)
        call = None if metric is None else promise_call(metric)
        if metric is not None and call is not None:
            place = f"{PROMISE}/{name}"
            looks.append(ProofLook(place, call, partial(promise_look, metric)))
    if check.condition:
        looks.append(_condition(check, incident, runbook, CONDITION))
    return looks


def _condition(check: Check, incident: Incident, runbook: Runbook, name: str) -> ProofLook:
    """A condition, read as the runbook reads its own check, or as it reads conditions."""
    condition = parse_condition(check.condition)
    call = None
    if check.condition != runbook.check.condition:
        call = runbook.condition_call(condition)

    def judge(status: CallStatus, text: str, payload: Any) -> Look:
        truth, seen = condition.judge(numbers([payload]))
        # A condition beside the node's own check may be about any metric: its words name it.
        return Look("" if name else incident.stage, HEALTH_OF[truth], seen)

    healing = runbook.healing_call(incident.stage, incident.severity)
    return ProofLook(name, call or healing, judge)
