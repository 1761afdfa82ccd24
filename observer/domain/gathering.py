"""What is read of the ill nodes when the walk is over: their logs, and known errors' metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from observer.domain.calls import Call
from observer.domain.dependency_tree import DependencyTree
from observer.domain.event import Incident
from observer.domain.known_error import KnownError
from observer.domain.looks import CONDITION, LOG
from observer.domain.runbook import Runbook

MOST_CONDITIONS = 10


@dataclass(frozen=True)
class Gathering:
    """The calls by their place in the run's keys, and what there was no room for."""

    calls: dict[tuple[str, str], Call]
    left_out: tuple[str, ...]

    @property
    def note(self) -> list[str]:
        """What a person reads of what was not read."""
        told = ", ".join(self.left_out)
        return [f"Not read, to stay within the budget: {told}"] if told else []


def gathering(
    incident: Incident,
    nodes: Sequence[str],
    tree: DependencyTree,
    runbook: Runbook,
    known_errors: Callable[[str], Iterable[KnownError]],
    room: int,
) -> Gathering:
    """At most `room` calls, a node after the other; a query that several ask is asked once."""
    calls: dict[tuple[str, str], Call] = {}
    queries: set[str] = set()
    left_out: list[str] = []
    for name in nodes:
        log = runbook.logs_call(tree.nodes[name], incident.severity)
        if log is not None and len(calls) < room:
            calls[LOG, name] = log
        elif log is not None:
            left_out.append(f"the log of {name}")
        for known in known_errors(name):
            condition = known.signature.condition
            call = None if condition is None else runbook.condition_call(condition)
            if condition is None or call is None or condition.query in queries:
                continue
            queries.add(condition.query)
            if len(calls) < room and len(queries) <= MOST_CONDITIONS:
                calls[CONDITION, str(len(queries))] = call
            else:
                left_out.append(condition.query)
    return Gathering(calls, tuple(left_out))
