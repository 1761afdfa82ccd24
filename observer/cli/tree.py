"""The dependency tree, read from the configuration: nothing is started, nobody is asked."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from observer.cli.environment import DEFAULT_CONFIG, AsJson, ConfigDir
from observer.cli.render import complain, console, emit, inert, say
from observer.cli.tree_draft import draft
from observer.cli.tree_why import why

if TYPE_CHECKING:
    from observer.domain.dependency_tree import DependencyTree, Node

tree = typer.Typer(help="What each business metric depends on.", no_args_is_help=True)
tree.command()(draft)


@tree.callback()
def dependency_tree() -> None:
    """What each business metric depends on."""


@tree.command()
def show(config: ConfigDir = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Draw the tree: each metric with its promise, and what produces it."""
    from rich.tree import Tree

    from observer.settings.tree import load_tree

    found = load_tree(config)
    if as_json:
        emit({"metrics": _metrics(found), "nodes": [_facts(n) for n in found.nodes.values()]})
        return
    out, now, drawn = console(), datetime.now(UTC), set[str]()
    for metric in found.metrics.values():
        branch = Tree(inert(f"{metric.promise(now)}: {metric.description}"))
        _grow(branch, found, metric.depends_on, drawn)
        out.print(branch)


@tree.command()
def check(config: ConfigDir = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Name everything that is wrong with the tree, with its line; exit 2 if anything is."""
    from observer.errors import ConfigurationError
    from observer.settings.tree import load_tree

    try:
        found = load_tree(config)
    except ConfigurationError as error:
        if as_json:
            emit({"valid": False, "problems": str(error).splitlines()})
        raise
    unwatched = [node.name for node in found.nodes.values() if node.healthcheck is None]
    counts = {"metrics": len(found.metrics), "nodes": len(found.nodes)}
    if as_json:
        emit({"valid": True, **counts, "without_healthcheck": unwatched})
        return
    say(f"the tree is whole; metrics: {counts['metrics']}, nodes: {counts['nodes']}")
    if unwatched:
        say(f"without a healthcheck: {', '.join(unwatched)}", err=True)


@tree.command()
def impact(
    node: Annotated[str, typer.Argument(help="a node of the tree")],
    config: ConfigDir = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Walk up: which promises suffer when a node breaks, and by which way."""
    from observer.settings.tree import load_tree

    found = load_tree(config)
    if found.find(node) is None:
        complain(f"dependency_tree.yaml has no node '{node}'")
        raise typer.Exit(1)
    now = datetime.now(UTC)
    suffering = found.suffering(node)
    if as_json:
        counting = [
            {
                "metric": metric.name,
                "threshold": metric.threshold,
                "window": metric.window.name,
                "counts_now": metric.window.holds(now),
                "path": found.path(metric.name, node),
            }
            for metric in suffering
        ]
        emit({"node": node, "suffers": counting, "above": list(found.above(node))})
        return
    for metric in suffering:
        say(f"{metric.promise(now)}: {' → '.join(found.path(metric.name, node))}")


tree.command()(why)


def _grow(trunk: Any, found: "DependencyTree", names: Sequence[str], drawn: set[str]) -> None:
    """Hang nodes under a branch, in order; by a stack, because references make long chains."""
    waiting = [(trunk, name) for name in reversed(names)]
    while waiting:
        branch, name = waiting.pop()
        node = found.nodes[name]
        if name in drawn:
            branch.add(inert(f"{name} (drawn above)"))
            continue
        drawn.add(name)
        kind = node.type if node.healthcheck is None else f"{node.type}, {node.healthcheck.method}"
        label = f"{name} ({kind})" + (f": {node.description}" if node.description else "")
        grown = branch.add(inert(label))
        waiting += [(grown, below) for below in reversed(node.depends_on)]


def _metrics(found: "DependencyTree") -> list[dict[str, Any]]:
    return [
        {
            "metric": metric.name,
            "description": metric.description,
            "threshold": metric.threshold,
            "window": metric.window.name,
            "query": metric.query,
            "alerts": metric.alerts,
            "depends_on": metric.depends_on,
        }
        for metric in found.metrics.values()
    ]


def _facts(node: "Node") -> dict[str, Any]:
    check = node.healthcheck
    return {
        "node": node.name,
        "type": node.type,
        "description": node.description,
        "criticality": node.criticality,
        "healthcheck": None if check is None else {"method": check.method, **check.parameters},
        **node.pointers,
        "alerts": node.alerts,
        "depends_on": node.depends_on,
    }
