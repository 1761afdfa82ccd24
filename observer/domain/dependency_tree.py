"""From the number that hurts down to what produces it (seed 002), and back up for the impact."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from observer.domain.event import Severity
from observer.domain.sla import Promise
from observer.domain.windows import Window

NodeType = Literal["process", "kafka_topic", "infrastructure", "external", "stage"]
EXTERNAL = "external"
"""The type of what is only ever detected and reported."""


@dataclass(frozen=True)
class HealthCheck:
    """How a node is looked at: a method of the telemetry tools, and its parameters."""

    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Node:
    """One thing a metric depends on, with where to look at it."""

    name: str
    type: str
    description: str = ""
    criticality: Severity | None = None
    healthcheck: HealthCheck | None = None
    pointers: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Container, supervisor group and process, topic, log query, metrics, notes, limits."""
    alerts: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Metric:
    """A business metric with its promise, and the tops of its production chain."""

    name: str
    description: str
    threshold: str
    window: Window
    query: str | None = None
    """What is asked to see whether the promise holds."""
    kept: Promise | None = None
    """What the query's answer is compared with; there where the query is."""
    gatus_check: str | None = None
    alerts: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()

    def promise(self, at: datetime) -> str:
        """The promise in a few words, and whether a breach counts at this moment."""
        closed = "" if self.window.holds(at) else ", closed now"
        return f"{self.name} (promise: {self.threshold}, {self.window.name}{closed})"


@dataclass(frozen=True)
class DependencyTree:
    """All metrics and nodes by name; a node that several depend on is there once.

    Without circles and without names that lead nowhere: who builds it has seen to that.
    """

    metrics: Mapping[str, Metric] = field(default_factory=dict[str, Metric])
    nodes: Mapping[str, Node] = field(default_factory=dict[str, Node])

    def __contains__(self, name: str) -> bool:
        """Whether a metric or a node has this name."""
        return name in self.metrics or name in self.nodes

    def find(self, name: str) -> Node | None:
        """The node of this name, if the tree has one."""
        return self.nodes.get(name)

    def depends_on(self, name: str) -> tuple[str, ...]:
        """What a metric or a node stands on directly."""
        found = self.metrics.get(name) or self.nodes.get(name)
        return () if found is None else found.depends_on

    def below(self, name: str) -> Iterator[Node]:
        """Every node under a metric or a node, top down, level by level, each once."""
        return (self.nodes[found] for found in _reach(self.depends_on(name), self.depends_on))

    def above(self, name: str) -> Iterator[str]:
        """Every node and metric that needs a node, from the nearest up, each once."""
        return _reach(self._needed_by.get(name, ()), lambda n: self._needed_by.get(n, ()))

    def suffering(self, name: str) -> list[Metric]:
        """The metrics that a broken node hurts; a metric hurts itself."""
        hurt = {name, *self.above(name)}
        return [metric for metric in self.metrics.values() if metric.name in hurt]

    def impact(self, name: str, at: datetime) -> list[str]:
        """The promises that suffer when this node breaks."""
        return [metric.promise(at) for metric in self.suffering(name)]

    def path(self, top: str, name: str) -> list[str]:
        """One shortest way down from a metric to a node, both included; empty if there is none."""
        came_from: dict[str, str] = {}
        waiting = deque([top])
        while waiting and name not in came_from and name != top:
            above = waiting.popleft()
            for below in self.depends_on(above):
                if below not in came_from:
                    came_from[below] = above
                    waiting.append(below)
        way = [name]
        while way[-1] in came_from and way[-1] != top:
            way.append(came_from[way[-1]])
        return way[::-1] if way[-1] == top else []

    def of_alert(self, alert: str) -> str | None:
        """The node or metric that an alert's name belongs to; of a metric, also its Gatus check."""
        return self._by_alert.get(alert)

    @cached_property
    def _needed_by(self) -> dict[str, list[str]]:
        needed: dict[str, list[str]] = {}
        for found in (*self.nodes.values(), *self.metrics.values()):
            for below in found.depends_on:
                needed.setdefault(below, []).append(found.name)
        return needed

    @cached_property
    def _by_alert(self) -> dict[str, str]:
        everything = (*self.metrics.values(), *self.nodes.values())
        known = {m.gatus_check: m.name for m in self.metrics.values() if m.gatus_check is not None}
        return known | {alert: found.name for found in everything for alert in found.alerts}


def _reach(start: Iterable[str], following: Callable[[str], Iterable[str]]) -> Iterator[str]:
    """Level by level, each name once."""
    waiting = deque(dict.fromkeys(start))
    seen = set(waiting)
    while waiting:
        name = waiting.popleft()
        yield name
        for further in following(name):
            if further not in seen:
                seen.add(further)
                waiting.append(further)
