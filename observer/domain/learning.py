"""A fix that was found and verified, as an entry of known_errors.yaml."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from observer.domain.calls import Call
from observer.domain.conditions import Condition, ParseError, Truth, parse_condition
from observer.domain.dependency_tree import Node
from observer.domain.event import Incident, Severity, digest
from observer.domain.remedy import Check, Remedy, Step
from observer.domain.track_record import duration_text

_SEVERITY = {Severity.INFO: "low", Severity.WARNING: "medium", Severity.CRITICAL: "high"}
_OPPOSITE = {">": "<=", "<": ">=", ">=": "<", "<=": ">", "==": "!=", "!=": "=="}
_NAMELESS = ("value", "least", "most", "pid", "uptime_seconds")
"""What a check says of whatever it was asked about, and what differs after every start."""
_TARGETS = ("stage", "node", "container")
_CAUSE_LENGTH = 300


def condition_for(
    before: Mapping[str, float], after: Mapping[str, float], healed: str
) -> str | None:
    """A condition that was true while the node was ill and false once it was healed.

    The opposite of what proved the healing where that is one, else half-way between the figures of
    the metric that changed most; None where no figure tells.
    """
    known = (name for name in before.keys() & after.keys() if math.isfinite(before[name]))
    figures = [(name, before[name], after[name]) for name in known if math.isfinite(after[name])]
    changed = sorted(figures, key=lambda figure: (-_change(*figure[1:]), figure[0]))
    candidates = _opposite(healed)
    for name, ill, well in changed:
        candidates.append(f"{name} {'>' if ill > well else '<'} {(ill + well) / 2:.3g}")
    return next((text for text in candidates if _tells(text, before, after)), None)


def _opposite(healed: str) -> list[str]:
    condition = _parsed(healed)
    if condition is None:
        return []
    return [f"{condition.query} {_OPPOSITE[condition.operator]} {condition.threshold:g}"]


def _change(before: float, after: float) -> float:
    largest = max(abs(before), abs(after))
    return abs(before - after) / largest if largest else 0.0


def _tells(text: str, before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    condition = _parsed(text)
    if condition is None:
        return False
    return condition.judge(before)[0] is Truth.TRUE and condition.judge(after)[0] is Truth.FALSE


def _parsed(text: str) -> Condition | None:
    try:
        return parse_condition(text)
    except ParseError:
        return None


def named(figures: Mapping[str, float], node: Node | None) -> dict[str, float]:
    """The figures that name a metric: what a check calls `value` goes by the check's query."""
    found = {name: figure for name, figure in figures.items() if name not in _NAMELESS}
    query = _query(node)
    if query is not None and "value" in figures:
        found[query] = figures["value"]
    return found


def healed_by(check: Check, node: Node | None) -> str:
    """The condition that proves the healing: the remedy's, else that of the node's own query."""
    query = _query(node)
    if check.condition or query is None or node is None or node.healthcheck is None:
        return check.condition
    return f"{query} {node.healthcheck.parameters.get('condition', '')}"


def _query(node: Node | None) -> str | None:
    if node is None or node.healthcheck is None or node.healthcheck.method != "promql":
        return None
    query = node.healthcheck.parameters.get("query")
    return query if isinstance(query, str) else None


def learned_id(node: str, pattern: str) -> str:
    """The same signature is learned under the same id."""
    return f"learned-{digest(node, pattern)[:10]}"


def entry_of(
    incident: Incident,
    *,
    node: str,
    pattern: str,
    condition: str | None,
    cause: str,
    remedy: Remedy,
) -> dict[str, Any]:
    """The known error that would have explained this incident, with the fix that held."""
    signature = {"log_pattern": pattern, "node": node}
    if condition is not None:
        signature["metric_condition"] = condition
    fix: dict[str, Any] = {"type": "automated", "steps": [_step(step) for step in remedy.steps]}
    if remedy.check.condition:
        fix["steps"].append(
            {
                "action": "verify",
                "check": remedy.check.condition,
                "timeout": duration_text(remedy.check.timeout_s),
            }
        )
    if remedy.rollback:
        fix["rollback"] = [_step(step) for step in remedy.rollback]
    return {
        "id": learned_id(node, pattern),
        "signature": signature,
        "root_cause": " ".join(cause.split())[:_CAUSE_LENGTH],
        "fix": fix,
        "severity": _SEVERITY[incident.severity],
    }


def _step(step: Step) -> dict[str, Any]:
    if not isinstance(step, Call):
        return {"action": "wait", "duration": duration_text(step.seconds)}
    # Without a target of its own a step is given its node; this one was made without.
    args = step.args if step.args.keys() & set(_TARGETS) else {"stage": None, **step.args}
    return {"action": step.tool, "args": args}
