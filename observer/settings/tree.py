"""From dependency_tree.yaml to the tree: references in their places, or every reason why not."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from observer.domain.conditions import ParseError
from observer.domain.dependency_tree import DependencyTree, HealthCheck, Metric, Node
from observer.domain.sla import Promise, parse_promise
from observer.domain.windows import ALWAYS, Window
from observer.settings.reader import Reader
from observer.settings.strict_yaml import Document, Location
from observer.settings.tree_file import DAYS, MetricRow, NodeRow, TreeFile, WindowRow

TREE_FILE = "dependency_tree.yaml"


def load_tree(directory: Path) -> DependencyTree:
    """The tree of a configuration directory alone.

    Raises:
        ConfigurationError: with one line for each thing that is wrong with the file.
    """
    reader = Reader(directory)
    file = reader.read(TREE_FILE, TreeFile)
    reader.raise_problems()
    assert file is not None  # noqa: S101  raise_problems has seen to it
    tree, problems = planted(file, reader.documents[TREE_FILE])
    reader.problems += problems
    reader.raise_problems()
    return tree


def planted(file: TreeFile, document: Document) -> tuple[DependencyTree, list[str]]:
    """The tree, and one line for each reason why it is none."""
    planter = _Planter(file, document)
    return planter.tree, planter.problems


class _Planter:
    """Puts references in their places, and says which of them cannot be."""

    def __init__(self, file: TreeFile, document: Document) -> None:
        self.problems: list[str] = []
        self._document = document
        self._rows = list(_rows(file))
        self._places: dict[str, Location] = {}
        self._alerts: dict[str, str] = {}
        windows = {name: _window(name, row) for name, row in file.windows.items()}
        windows.setdefault(ALWAYS.name, ALWAYS)
        metrics: dict[str, Metric] = {}
        for name, row in file.metrics.items():
            at = ("metrics", name)
            self._own_alerts(name, row.alerts, at)
            if row.sla.gatus_check is not None:
                self._own(name, row.sla.gatus_check, (*at, "sla", "gatus_check"))
            window = windows.get(row.sla.window)
            if window is None:
                problem = _no_such("window", row.sla.window, windows)
                self._complain((*at, "sla", "window"), problem)
            metrics[name] = _metric(name, row, window or ALWAYS, self._promise(row, at))
        nodes: dict[str, Node] = {}
        for at, row in self._rows:
            if row.node is not None and self._is_new(row.node, file, at):
                nodes[row.node] = _node(row)
                self._own_alerts(row.node, row.alerts, at)
        self.tree = DependencyTree(metrics=metrics, nodes=nodes)
        self._refuse_dangling()
        if not self.problems:
            self._refuse_circles()

    def _complain(self, at: Location, message: str) -> None:
        self.problems.append(self._document.complain(at, message))

    def _promise(self, row: MetricRow, at: Location) -> Promise | None:
        if row.sla.query is None:
            return None
        try:
            return parse_promise(row.sla.threshold, row.sla.query)
        except ParseError as error:
            self._complain((*at, "sla", "threshold"), str(error))
            return None

    def _is_new(self, name: str, file: TreeFile, at: Location) -> bool:
        if name in file.metrics:
            self._complain((*at, "node"), f"'{name}' is already the name of a metric")
            return False
        if (first := self._places.setdefault(name, at)) is at:
            return True
        line = self._document.line((*first, "node"))
        self._complain(
            (*at, "node"), f"'{name}' is written in line {line} already; here write `ref: {name}`"
        )
        return False

    def _own_alerts(self, owner: str, alerts: list[str], at: Location) -> None:
        for i, alert in enumerate(alerts):
            self._own(owner, alert, (*at, "alerts", i))

    def _own(self, owner: str, alert: str, at: Location) -> None:
        if self._alerts.setdefault(alert, owner) != owner:
            message = f"the alert '{alert}' belongs to {self._alerts[alert]} already"
            self._complain(at, message)

    def _refuse_dangling(self) -> None:
        for at, row in self._rows:
            if row.ref is not None and row.ref not in self.tree.nodes:
                self._complain((*at, "ref"), _no_such("node", row.ref, self.tree.nodes))

    def _refuse_circles(self) -> None:
        """Every circle has a reference to a node above it: each is tried, if there is any."""
        try:
            below = {name: node.depends_on for name, node in self.tree.nodes.items()}
            TopologicalSorter(below).prepare()
        except CycleError:
            for at, row in self._rows:
                above = self._above(at)
                if row.ref is None or above is None:
                    continue
                if way := self.tree.path(row.ref, above):
                    self._complain((*at, "ref"), f"a circle: {' -> '.join([above, *way])}")

    def _above(self, at: Location) -> str | None:
        """The node that a place in the file hangs from."""
        value: Any = self._document.value
        for part in at[:-2]:
            value = value[part]
        return value.get("node")


def _no_such(kind: str, word: str, words: Collection[str]) -> str:
    near = difflib.get_close_matches(word, words, 1)
    return f"no such {kind}: '{word}'" + (f"; did you mean '{near[0]}'?" if near else "")


def _rows(file: TreeFile) -> Iterator[tuple[Location, NodeRow]]:
    """Every node and reference with its place, in the order of the file."""

    def under(rows: list[NodeRow], at: Location) -> Iterator[tuple[Location, NodeRow]]:
        for i, row in enumerate(rows):
            place = (*at, "depends_on", i)
            yield place, row
            yield from under(row.depends_on, place)

    for name, metric in file.metrics.items():
        yield from under(metric.depends_on, ("metrics", name))


def _window(name: str, row: WindowRow) -> Window:
    return Window(
        name=name,
        zone=row.time_zone,
        days=frozenset(DAYS.index(day) for day in row.days),
        opens=row.opens,
        closes=row.closes,
        holidays=frozenset(row.holidays),
    )


_POINTERS = (
    "container",
    "supervisor_group",
    "supervisor_process",
    "systemd_unit",
    "deployment",
    "topic",
    "cluster",
    "min_isr",
    "metrics",
    "limits",
    "notes",
)


def _node(row: NodeRow) -> Node:
    pointers = {name: value for name in _POINTERS if (value := getattr(row, name))}
    if row.logs is not None:
        pointers["loki_query"] = row.logs.loki_query
    check = row.healthcheck
    return Node(
        name=str(row.node),
        type=str(row.type),
        description=row.description,
        criticality=row.criticality,
        healthcheck=None if check is None else HealthCheck(check.method, check.model_extra or {}),
        pointers=pointers,
        alerts=tuple(row.alerts),
        depends_on=_names(row.depends_on),
    )


def _metric(name: str, row: MetricRow, window: Window, promise: Promise | None) -> Metric:
    return Metric(
        name=name,
        description=row.description,
        threshold=row.sla.threshold,
        window=window,
        query=row.sla.query,
        kept=promise,
        gatus_check=row.sla.gatus_check,
        alerts=tuple(row.alerts),
        depends_on=_names(row.depends_on),
    )


def _names(rows: list[NodeRow]) -> tuple[str, ...]:
    return tuple(str(row.node or row.ref) for row in rows)
