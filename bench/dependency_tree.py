"""A dependency tree of 10,000 nodes: loading it, walking down it, and asking who suffers."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import yaml

from observer.domain.dependency_tree import DependencyTree
from observer.domain.walk import Health, Look, diagnosis, next_looks
from observer.settings.tree import load_tree

Result = TypeVar("Result")

METRICS = 10
STAGES = 20
"""Nodes in a row under a metric."""
HELPERS = 49
"""Healthy nodes beside each stage."""


@dataclass(frozen=True)
class Tree:
    """What a tree of so many nodes costs, in CPU milliseconds."""

    nodes: int
    load_ms: float
    walk_ms: float
    looks: int
    """At how many nodes the walk looked."""
    impact_ms: float
    """The first question of all: it turns the tree round."""
    next_impact_ms: float


def dependency_tree() -> Tree:
    """Measure a walk to the deepest cause, where everything on the way is ill because of it."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "dependency_tree.yaml"
        file.write_text(yaml.safe_dump(_tree(), sort_keys=False))
        tree, load_ms = _timed(lambda: load_tree(file.parent))
    deepest = _stage(0, STAGES - 1)
    looks, walk_ms = _timed(lambda: _walk(tree, "metric_0"))
    causes = [cause.node for cause in diagnosis(tree, "metric_0", looks).causes]
    assert causes == [deepest], causes
    now = datetime.now(UTC)
    impact, impact_ms = _timed(lambda: tree.impact(deepest, now))
    assert len(impact) == 1
    _, next_impact_ms = _timed(lambda: tree.impact(_stage(1, STAGES - 1), now))
    return Tree(len(tree.nodes), load_ms, walk_ms, len(looks), impact_ms, next_impact_ms)


def _walk(tree: DependencyTree, top: str) -> dict[str, Look]:
    looks: dict[str, Look] = {}
    while group := next_looks(tree, top, looks):
        for node in group:
            ill = "helper" not in node
            health = Health.UNHEALTHY if ill else Health.HEALTHY
            looks[node] = Look(node, health, "as the bench says")
    diagnosis(tree, top, looks)
    return looks


def _tree() -> dict[str, object]:
    return {"metrics": {f"metric_{m}": _metric(m) for m in range(METRICS)}}


def _metric(number: int) -> dict[str, object]:
    sla = {"threshold": "60s", "window": "ALWAYS"}
    return {"description": "", "sla": sla, "depends_on": _row_of(number)}


def _row_of(metric: int) -> list[dict[str, object]]:
    below: list[dict[str, object]] = []
    for stage in reversed(range(STAGES)):
        name = _stage(metric, stage)
        helpers = [_node(f"{name}_helper_{h}", []) for h in range(HELPERS)]
        below = [_node(name, [*below, *helpers])]
    return below


def _node(name: str, below: list[dict[str, object]]) -> dict[str, object]:
    check = {"method": "promql", "query": f'up{{job="{name}"}}', "condition": "== 1"}
    return {"node": name, "type": "process", "healthcheck": check, "depends_on": below}


def _stage(metric: int, stage: int) -> str:
    return f"m{metric}_stage_{stage}"


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    begin = time.thread_time()
    result = work()
    return result, (time.thread_time() - begin) * 1000
