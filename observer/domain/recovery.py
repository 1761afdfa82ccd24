"""Whether what was looked at is well by itself: three-valued, because nothing may be guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from observer.domain.dependency_tree import DependencyTree
from observer.domain.walk import Health, Look


def verdict(tree: DependencyTree, looks: Mapping[str, Look], promises: Iterable[Look]) -> Health:
    """What all looks amount to: one that is ill decides, then one that nobody could have.

    A node without a healthcheck has no say; without any look that was good nothing is.
    """
    asked = [
        *(look for name, look in looks.items() if tree.nodes[name].healthcheck is not None),
        *promises,
    ]
    healths = {look.health for look in asked}
    for health in (Health.UNHEALTHY, Health.UNKNOWN):
        if health in healths:
            return health
    return Health.HEALTHY if asked else Health.UNKNOWN


def counting(tree: DependencyTree, promises: Iterable[Look], at: datetime) -> list[Look]:
    """The promises that hold at this moment: a breach of another does not count."""
    return [look for look in promises if tree.metrics[look.node].window.holds(at)]
