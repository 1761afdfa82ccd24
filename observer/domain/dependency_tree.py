"""From the number that hurts down to what produces it (seed 002), and back up for the impact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from observer.domain.event import Severity


@dataclass(frozen=True)
class Node:
    """One thing a metric depends on."""

    name: str
    type: str
    description: str = ""
    criticality: Severity | None = None
    depends_on: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """This node and everything below it, top down."""
        yield self
        for child in self.depends_on:
            yield from child.walk()


@dataclass(frozen=True)
class Metric:
    """A business metric with its promise, and the top of its production chain."""

    name: str
    description: str
    threshold: str
    window: str
    depends_on: tuple[Node, ...] = ()


@dataclass(frozen=True)
class DependencyTree:
    """All metrics; walked down for a diagnosis, up for an impact."""

    metrics: tuple[Metric, ...] = field(default=())

    def nodes(self) -> Iterator[Node]:
        """Every node of every metric, top down."""
        for metric in self.metrics:
            for top in metric.depends_on:
                yield from top.walk()

    def find(self, name: str) -> Node | None:
        """The node of this name, if the tree has one."""
        return next((node for node in self.nodes() if node.name == name), None)

    def impact(self, name: str) -> list[str]:
        """The metrics that suffer when this node breaks, with their promises."""
        return [
            f"{metric.name} (promise: {metric.threshold}, {metric.window})"
            for metric in self.metrics
            if any(node.name == name for top in metric.depends_on for node in top.walk())
        ]
