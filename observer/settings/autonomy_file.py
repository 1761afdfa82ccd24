"""autonomy.yaml: what may run without asking, for which node, and how often."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Annotated

from pydantic import Field, model_validator

from observer.domain.autonomy import Cap, Rule
from observer.domain.event import Severity
from observer.domain.remedy import Level
from observer.domain.runbook import Data, Seconds
from observer.domain.templates import did_you_mean
from observer.settings.strict_yaml import Location

_NEVER = 5


class AtMost(Data):
    """How often by itself; what is beyond it goes to a person."""

    times: int = Field(ge=1)
    per: Seconds


class NodeRow(Data):
    """What is different for one action on one node."""

    level: Level | None = None
    delay: Seconds | None = None
    at_most: AtMost | None = None

    @model_validator(mode="after")
    def _says_something(self) -> NodeRow:
        if not self.model_fields_set:
            raise ValueError("write a `level`, a `delay` or an `at_most`")
        return self


class AutonomyRow(Data):
    """One action's row."""

    level: Level
    blast_radius: int = Field(ge=1, le=5)
    delay: Seconds | None = None
    at_most: AtMost | None = None
    severities: list[Severity] = Field(default_factory=lambda: list(Severity))


class AutonomyFile(Data):
    """autonomy.yaml."""

    actions: dict[str, AutonomyRow]
    nodes: dict[str, dict[str, NodeRow]] = Field(default_factory=dict)
    """What is different on one node, by action."""
    caps: dict[Annotated[int, Field(ge=2, le=4)], AtMost] = Field(default_factory=dict)
    """How often on all nodes together, by blast radius."""

    @property
    def rules(self) -> dict[str, Rule]:
        """Every action's rule, and within it those of single nodes."""
        return {name: self._rule(name, row) for name, row in self.actions.items()}

    @property
    def caps_by_blast_radius(self) -> dict[int, Cap]:
        """How often actions of a blast radius may run on all nodes together."""
        return {radius: _cap(row) for radius, row in self.caps.items()}

    def _rule(self, name: str, row: AutonomyRow) -> Rule:
        rule = Rule(
            action=name,
            level=row.level,
            blast_radius=row.blast_radius,
            delay=timedelta(seconds=row.delay or 0),
            severities=tuple(row.severities),
            at_most=_cap(row.at_most) if row.at_most else None,
        )
        own = {node: rows[name] for node, rows in self.nodes.items() if name in rows}
        return replace(rule, on_nodes={node: _on_node(rule, row) for node, row in own.items()})


def problems_of(
    file: AutonomyFile, *, nodes: Collection[str], kept_days: float
) -> Iterator[tuple[Location, str]]:
    """What makes no sense, and where: a name nobody knows, a rule that could never hold."""
    rules = file.rules
    for name, row in file.actions.items():
        at = ("actions", name)
        yield from _problems_with(at, rules[name], row, kept_days)
    for node, rows in file.nodes.items():
        if node not in nodes:
            yield ("nodes", node), f"no node of dependency_tree.yaml: {did_you_mean(node, nodes)}"
        for name, row in rows.items():
            at = ("nodes", node, name)
            if name not in rules:
                yield at, f"no action of this file: {did_you_mean(name, rules)}"
            else:
                yield from _problems_with(at, rules[name].on(node), row, kept_days)
    for radius, cap in file.caps.items():
        yield from _problems_with_cap(("caps", str(radius)), cap, kept_days)


def _problems_with(
    at: Location, rule: Rule, row: AutonomyRow | NodeRow, kept_days: float
) -> Iterator[tuple[Location, str]]:
    if rule.level is Level.AFTER_DELAY and not rule.delay:
        yield (*at, "level"), "after_delay needs a `delay`, such as `delay: 5m`"
    if row.delay is not None and rule.level is not Level.AFTER_DELAY:
        yield (*at, "delay"), f"a delay belongs to `level: after_delay`; here it is {rule.level}"
    if rule.blast_radius == _NEVER and rule.level is not Level.NEVER:
        message = "blast radius 5 is never autonomous; write `level: never`, or its real radius"
        yield (*at, "level"), message
    if rule.reads_only and (row.at_most is not None or isinstance(row, NodeRow)):
        yield at, "a look changes nothing: it has no caps, and the same rule on every node"
    if row.at_most is not None:
        yield from _problems_with_cap((*at, "at_most"), row.at_most, kept_days)


def _problems_with_cap(
    at: Location, cap: AtMost, kept_days: float
) -> Iterator[tuple[Location, str]]:
    if timedelta(seconds=cap.per) > timedelta(days=kept_days):
        yield (*at, "per"), "longer than retention.days: what was done is forgotten before"


def _on_node(rule: Rule, row: NodeRow) -> Rule:
    """The action's rule with what is different on a node."""
    if row.level is not None:
        rule = replace(rule, level=row.level)
    if row.delay is not None:
        rule = replace(rule, delay=timedelta(seconds=row.delay))
    if row.at_most is not None:
        rule = replace(rule, at_most=_cap(row.at_most))
    return rule


def _cap(row: AtMost) -> Cap:
    return Cap(row.times, timedelta(seconds=row.per))
