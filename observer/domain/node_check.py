"""A node's health check, and a promise's: the call that looks, and what the answer means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from observer.domain.calls import Call, CallStatus
from observer.domain.conditions import Truth, parse_condition
from observer.domain.dependency_tree import Metric, Node
from observer.domain.event import Severity
from observer.domain.evidence import numbers
from observer.domain.runbook import Runbook
from observer.domain.walk import Health, Look

CHECK_TOOL = "check_health"
"""The tool that carries out every method but one."""
STAGE_METRICS = "stage_metrics"
"""The method that is the runbook's own check."""

_POINTERS = {
    "consumer_lag": ("topic", "cluster"),
    "topic_freshness": ("topic", "cluster"),
    "log_recency": ("container",),
}
"""What a node says of itself that its check need not say again."""
_EVIDENCE_LENGTH = 300
HEALTH_OF = {
    Truth.TRUE: Health.HEALTHY,
    Truth.FALSE: Health.UNHEALTHY,
    Truth.UNKNOWN: Health.UNKNOWN,
}


def check_call(node: Node, runbook: Runbook) -> Call | None:
    """The call by which dependency_tree.yaml lets a node be looked at; None when it says nothing.

    Method and parameters are the tree's; nothing of an event can change them.
    """
    if node.healthcheck is None:
        return None
    method = node.healthcheck.method
    if method == STAGE_METRICS:
        return runbook.healing_call(node.name, Severity.WARNING)
    parameters = {**_pointed_at(node, method), **node.healthcheck.parameters}
    return Call(CHECK_TOOL, {"method": method, "parameters": parameters})


def _pointed_at(node: Node, method: str) -> dict[str, Any]:
    says = node.pointers
    found = {name: says[name] for name in _POINTERS.get(method, ()) if name in says}
    if method == "supervisor_state" and "supervisor_process" in says:
        names = (says.get("supervisor_group"), says["supervisor_process"])
        found["process"] = ":".join(name for name in names if name)
    return found


def promise_call(metric: Metric) -> Call | None:
    """The call that tells whether a promise is kept; None where the tree has no query for it."""
    if metric.query is None or metric.kept is None:
        return None
    parameters = {"query": metric.query, "condition": metric.kept.condition}
    return Call(CHECK_TOOL, {"method": "promql", "parameters": parameters})


def unseen(node: Node) -> Look:
    """A node that nobody can look at."""
    return Look(node.name, Health.UNKNOWN, "dependency_tree.yaml has no healthcheck for it")


def look_of(node: Node, runbook: Runbook, status: CallStatus, text: str, payload: Any) -> Look:
    """What the answer to a node's check says; a look that failed says nothing about the node."""
    assert node.healthcheck is not None  # noqa: S101  there was a call
    if status is not CallStatus.SUCCESS:
        return _failed(node.name, text)
    if node.healthcheck.method == STAGE_METRICS:
        values = numbers([payload])
        truth, seen = parse_condition(runbook.check.condition).judge(values)
        return Look(node.name, HEALTH_OF[truth], seen, values)
    return _judged(node.name, payload)


def promise_look(metric: Metric, status: CallStatus, text: str, payload: Any) -> Look:
    """What the answer to a promise's call says, with its figure where it has one."""
    if status is not CallStatus.SUCCESS:
        return _failed(metric.name, text)
    look = _judged(metric.name, payload)
    if metric.kept is None or look.health is Health.UNKNOWN or "value" not in look.values:
        return look
    return replace(look, evidence=metric.kept.said_of(look.values["value"]))


def _judged(name: str, payload: Any) -> Look:
    answer: Mapping[str, Any] = {}
    if isinstance(payload, Mapping):
        answer = cast("Mapping[str, Any]", payload)
    health = next((h for h in Health if h == answer.get("status")), Health.UNKNOWN)
    reason = str(answer.get("reason") or f"{CHECK_TOOL} gave no reason")[:_EVIDENCE_LENGTH]
    return Look(name, health, reason, numbers([answer.get("values")]))


def _failed(name: str, text: str) -> Look:
    return Look(name, Health.UNKNOWN, f"the look failed: {text}"[:_EVIDENCE_LENGTH])
