"""Where a remedy's step acts: on a node of this incident, and on no other."""

from __future__ import annotations

from collections.abc import Set
from contextlib import suppress

from observer.domain.calls import Call
from observer.domain.dependency_tree import DependencyTree, Node
from observer.domain.remedy import Remedy
from observer.errors import OutsideIncident

_NODES = ("node", "stage")
_CONTAINER = "container"
_EXTERNAL = "external"


def target_of(call: Call, *, about: str, tree: DependencyTree) -> str:
    """The node that a step acts on, for an incident that is about a node.

    By its argument `node` or `stage`, or by the node whose `container` it names. A step that names
    none acts on the incident's own node.

    Raises:
        OutsideIncident: it is no node of the tree, is external, or hurts none of the metrics that
            the incident hurts.
    """
    targets = [_inside(call, call.args[name], about, tree) for name in _NODES if name in call.args]
    if _CONTAINER in call.args:
        targets.append(_in_container(call, call.args[_CONTAINER], about, tree))
    return targets[0] if targets else _inside(call, about, about, tree)


def acted_upon(remedy: Remedy, *, about: str, tree: DependencyTree) -> list[str]:
    """The incident's own node, and the others that a remedy acts on."""
    named = [about]
    for call in remedy.calls:
        with suppress(OutsideIncident):  # such a step is refused, whoever has its turn
            named.append(target_of(call, about=about, tree=tree))
    return list(dict.fromkeys(named))


def may_have_healed(others: Set[str], ours: Set[str], *, readings_count: bool) -> bool:
    """Whether what was done to the nodes of another session's lineage may have healed ours.

    What was done above or below shows in the readings. Where the event is believed whatever they
    say, only an action on the very node counts.
    """
    return bool(others) if readings_count else bool(others & ours)


def why_outside(call: Call, *, about: str, tree: DependencyTree) -> str | None:
    """Why a step may not act where it wants to; None where it may."""
    try:
        target_of(call, about=about, tree=tree)
    except OutsideIncident as error:
        return str(error)
    return None


def _inside(call: Call, name: object, about: str, tree: DependencyTree) -> str:
    node = tree.find(name) if isinstance(name, str) else None
    if node is None:
        raise OutsideIncident(f"{call.tool}: {name!r} is no node of dependency_tree.yaml")
    if (problem := _why_not(node, about, tree)) is not None:
        raise OutsideIncident(f"{call.tool}: {problem}")
    return node.name


def _in_container(call: Call, container: object, about: str, tree: DependencyTree) -> str:
    """A container holds several nodes: the incident's own, else the first that belongs to it."""
    held = [n for n in tree.nodes.values() if n.pointers.get(_CONTAINER) == container is not None]
    problems = {node.name: _why_not(node, about, tree) for node in held}
    mine = [name for name, problem in problems.items() if problem is None]
    if not mine:
        reason = next(iter(problems.values()), f"{container!r} is the container of no node")
        raise OutsideIncident(f"{call.tool}: {reason}")
    return about if about in mine else mine[0]


def _why_not(node: Node, about: str, tree: DependencyTree) -> str | None:
    if node.type == _EXTERNAL:
        return f"{node.name} is external: it is detected and reported, never acted upon"
    hurt = {metric.name for metric in tree.suffering(about)}
    if not any(metric.name in hurt for metric in tree.suffering(node.name)):
        return f"{node.name} is outside this incident: no metric hangs on it and on {about}"
    return None
