"""Severity from what the event says about itself; design.md section 2 fixes the order."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Protocol

from observer.domain.dependency_tree import DependencyTree
from observer.domain.event import Severity

_NUMBER = r"[0-9]{1,15}(?:,[0-9]{3}){0,5}(?:\.[0-9]{1,15})?"
# Every repetition is bounded: messages come from outside, and this is a backtracking matcher.
_THRESHOLD = re.compile(
    rf"(?<![0-9.,])(?P<value>{_NUMBER})\s{{0,3}}(?P<unit>%|ms|s|x)?[^0-9()]{{0,40}}"
    rf"\(\s{{0,3}}(?:threshold|limit)\s{{0,3}}:?\s{{0,3}}(?P<limit>{_NUMBER})"
    r"\s{0,3}(?P=unit)?\s{0,3}\)",
    re.IGNORECASE,
)
_ALARMING = ("error", "fail", "refused", "timeout", "degraded", "stuck", "exceed", "halted", "lag")


def uncounted(tree: DependencyTree, name: str, at: datetime) -> str | None:
    """Why a breach does not count at a moment; a node, unlike a metric, counts always."""
    metric = tree.metrics.get(name)
    if metric is None or metric.window.holds(at):
        return None
    return f"outside {metric.window.name}: a breach does not count now"


class Said(Protocol):
    """What an event, or an alert that is to become one, says of itself."""

    @property
    def severity(self) -> Severity | None: ...
    @property
    def stage(self) -> str: ...
    @property
    def message(self) -> str: ...


def known_critical(said: Said, tree: DependencyTree, at: datetime) -> bool:
    """Whether no model needs to be asked to see that somebody must be woken."""
    known = from_facts(said, tree, at)
    return known is not None and known[0] is Severity.CRITICAL


def from_facts(event: Said, tree: DependencyTree, at: datetime) -> tuple[Severity, str] | None:
    """What needs no model: whether it counts, its own word, arithmetic in it, its node's rank."""
    if (because := uncounted(tree, event.stage, at)) is not None:
        return Severity.INFO, because
    if event.severity is not None:
        return event.severity, "the event says so"
    if (by_threshold := from_threshold(event.message)) is not None:
        return by_threshold
    node = tree.find(event.stage)
    if node is not None and node.criticality is not None:
        return node.criticality, f"{node.name} is marked {node.criticality} in the tree"
    return None


def from_threshold(message: str) -> tuple[Severity, str] | None:
    """Read "3.2% (threshold: 1%)": a value over its limit is a WARNING.

    One under it says nothing: of a throughput the low values are the bad ones.
    """
    found = _THRESHOLD.search(message[:4000])
    if found is None:
        return None
    value, limit = (float(found[name].replace(",", "")) for name in ("value", "limit"))
    if value > limit:
        return Severity.WARNING, f"{found['value']} is over the threshold {found['limit']}"
    return None


def from_keywords(message: str) -> tuple[Severity, str]:
    """The last resort: words never page. Nothing recognised is a WARNING, with that reason."""
    lowered = message.lower()
    for word in _ALARMING:
        if word in lowered:
            return Severity.WARNING, f"the message says '{word}'"
    return Severity.WARNING, "unknown severity is treated as WARNING"
