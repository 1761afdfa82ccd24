"""The walk down from a promise that is broken to the node that breaks it (seed 002).

Pure: it says where to look next and, when nothing is left to look at, what was found. Whoever looks
may do so in a graph, on a command line or in a test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from observer.domain.dependency_tree import DependencyTree

PRESSED = ("consumer_lag",)
"""Checks that fail as well for want of work from above as for a destination that takes none."""


class Health(StrEnum):
    """What a look at a node said; what could not be seen is neither good nor bad."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Look:
    """One node as it was found."""

    node: str
    health: Health
    evidence: str
    values: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class Cause:
    """A node that is ill while everything it stands on is not."""

    node: str
    path: tuple[str, ...]
    """From the metric down to the node."""
    because: str
    doubts: tuple[str, ...] = ()
    """What may be the cause instead: its check was asked, and could not tell."""


@dataclass(frozen=True)
class Diagnosis:
    """What a finished walk found."""

    top: str
    causes: tuple[Cause, ...]
    """The likeliest first; empty where every look was good."""
    waypoints: tuple[Look, ...]
    """Ill because of something else."""
    excluded: tuple[Look, ...]
    """Healthy: with the evidence that clears them."""
    unseen: tuple[Look, ...]
    """Could not be looked at, so not cleared either."""

    @property
    def ill(self) -> list[str]:
        """Every ill node: the likeliest cause, what is ill because of it from it up, the others."""
        causes = [cause.node for cause in self.causes]
        return [*causes[:1], *(look.node for look in reversed(self.waypoints)), *causes[1:]]

    def lines(self) -> list[str]:
        """What a person reads of it, a fact a line; the evidence is the world's own words."""
        if not self.causes:
            found = [f"Found: nothing that {self.top} stands on is ill"]
        else:
            first, *others = self.causes
            found = [f"Found: {first.node}: {first.because}", f"Path: {' → '.join(first.path)}"]
            found += [f"Also ill: {cause.node}: {cause.because}" for cause in others]
        groups = {
            "Ill because of something else": self.waypoints,
            "Cleared": self.excluded,
            "Not seen": self.unseen,
        }
        return found + [
            f"{label}: {look.node}: {look.evidence}"
            for label, looks in groups.items()
            for look in looks
        ]


def promise_line(look: Look) -> str:
    """What a person reads of a promise."""
    word = {Health.HEALTHY: "kept", Health.UNHEALTHY: "broken", Health.UNKNOWN: "not seen"}
    return f"Promise {word[look.health]}: {look.node}: {look.evidence}"


def destinations(tree: DependencyTree, name: str) -> list[str]:
    """The nodes beside a consumer that its lag may come from; none for what is no consumer."""
    if not _may_be_pressed(tree, name):
        return []
    siblings = (tree.depends_on(above) for above in tree.above(name))
    beside = (n for group in siblings if name in group for n in group)
    return list(dict.fromkeys(n for n in beside if not _may_be_pressed(tree, n)))


def next_looks(tree: DependencyTree, top: str, looks: Mapping[str, Look]) -> list[str]:
    """The nodes to look at now, independent of each other; empty when the walk is over.

    `top` is a metric or a node. Under what is ill or unseen first, siblings together, and the
    destinations of a consumer that lags. Where nothing is ill yet the walk goes on under what is
    healthy, too: a consumer that is fed nothing has no lag.
    """
    if top in tree.nodes and top not in looks:
        return [top]
    suspects = [n for n, look in looks.items() if look.health is not Health.HEALTHY]
    if top in tree.metrics:
        suspects.append(top)
    lagging = (n for n in looks if looks[n].health is Health.UNHEALTHY)
    beside = [d for n in lagging for d in destinations(tree, n) if d not in looks]
    if new := list(dict.fromkeys([*_below(tree, suspects, looks), *beside])):
        return new
    if any(look.health is Health.UNHEALTHY for look in looks.values()):
        return []
    return _below(tree, list(looks), looks)


def diagnosis(tree: DependencyTree, top: str, looks: Mapping[str, Look]) -> Diagnosis:
    """What the looks of a finished walk amount to."""
    ill = [look for look in looks.values() if look.health is Health.UNHEALTHY]
    stood_on = {look.node: _ill_below(tree, look.node, looks) for look in ill}
    deepest = [look for look in ill if not stood_on[look.node]]
    causes = [look for look in deepest if _pressing(tree, look, ill) is None]
    paths = {look.node: _path(tree, top, look.node, ill) for look in causes}
    causes.sort(key=lambda look: -len(paths[look.node]))
    named = {look.node for look in causes}
    return Diagnosis(
        top=top,
        causes=tuple(
            Cause(
                look.node,
                paths[look.node],
                _why(tree, look, looks, ill),
                tuple(_instead(tree, look, looks)),
            )
            for look in causes
        ),
        waypoints=tuple(look for look in ill if look.node not in named),
        excluded=tuple(look for look in looks.values() if look.health is Health.HEALTHY),
        unseen=tuple(look for look in looks.values() if look.health is Health.UNKNOWN),
    )


def _below(tree: DependencyTree, names: Sequence[str], looks: Mapping[str, Look]) -> list[str]:
    children = (child for name in names for child in tree.depends_on(name))
    return list(dict.fromkeys(child for child in children if child not in looks))


def _path(tree: DependencyTree, top: str, name: str, ill: Sequence[Look]) -> tuple[str, ...]:
    """Down from the top; by way of a consumer that waits for what is not under the top."""
    if direct := tree.path(top, name):
        return tuple(direct)
    for look in ill:
        for beside in destinations(tree, look.node):
            if (there := tree.path(top, look.node)) and (on := tree.path(beside, name)):
                return (*there, *on)
    return (name,)


def _ill_below(tree: DependencyTree, name: str, looks: Mapping[str, Look]) -> bool:
    return any(
        node.name in looks and looks[node.name].health is Health.UNHEALTHY
        for node in tree.below(name)
    )


def _pressing(tree: DependencyTree, look: Look, ill: Sequence[Look]) -> str | None:
    """The destination that a lagging consumer waits for: it is ill as well."""
    beside = destinations(tree, look.node)
    return next((other.node for other in ill if other.node in beside), None)


def _may_be_pressed(tree: DependencyTree, name: str) -> bool:
    node = tree.find(name)
    return node is not None and node.healthcheck is not None and node.healthcheck.method in PRESSED


def _instead(tree: DependencyTree, cause: Look, looks: Mapping[str, Look]) -> Iterator[str]:
    """What a cause stands on or may wait for, where nobody could tell how that is."""
    others = {node.name for node in tree.below(cause.node)} | {*destinations(tree, cause.node)}
    for look in looks.values():
        asked = tree.nodes[look.node].healthcheck is not None
        if look.health is Health.UNKNOWN and asked and look.node in others:
            yield look.node


def _why(tree: DependencyTree, look: Look, looks: Mapping[str, Look], ill: Sequence[Look]) -> str:
    pressed = [other.node for other in ill if look.node in destinations(tree, other.node)]
    if pressed:
        return f"{look.evidence}; {', '.join(pressed)} waits for it"
    below = [
        child
        for child in tree.depends_on(look.node)
        if child in looks and looks[child].health is Health.HEALTHY
    ]
    if below:
        return f"{look.evidence}; what it stands on is not ill: {', '.join(below)}"
    return look.evidence
