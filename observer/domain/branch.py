"""Which alerts are of one cause, most likely: those on one branch of the tree."""

from __future__ import annotations

from datetime import datetime

from observer.domain.dependency_tree import DependencyTree
from observer.domain.event import Event, Severity
from observer.domain.severity import from_facts
from observer.domain.walk import destinations


def related(tree: DependencyTree, one: str, other: str) -> bool:
    """Whether two metrics or nodes are the same, one stands on the other, or one waits for it.

    Two that merely serve the same metric are not: each may be ill for itself.
    """
    return (
        one == other
        or one in tree.above(other)
        or other in tree.above(one)
        or one in destinations(tree, other)
        or other in destinations(tree, one)
    )


def covers(waiting: Event, new: Event, tree: DependencyTree, at: datetime) -> bool:
    """Whether the run that a waiting event will have looks into a new one as well.

    A severity that only a model can tell may turn out lower for the one, or higher for the other.
    """
    if waiting.stage != new.stage:
        return False
    if (waiting.severity, waiting.message) == (new.severity, new.message):
        return True
    known = from_facts(waiting, tree, at)
    needed = from_facts(new, tree, at)
    return known is not None and (
        known[0].rank >= (Severity.CRITICAL if needed is None else needed[0]).rank
    )
