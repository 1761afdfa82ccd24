"""What each recorded look of a run is about: told by its key, which no answer can change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from observer.domain.calls import Observation
from observer.domain.event import Incident
from observer.domain.evidence import numbers, of_node
from observer.domain.log_lines import recent_lines

LOOK = "look"
PROMISE = "promise"
LOG = "log"
CONDITION = "condition"
"""A node's check, a metric's promise, a node's log, the metric of a known error's condition."""
_AGAIN = "second "


def place(kind: str, *, again: bool = False) -> str:
    """Where in a run's keys the looks of a kind stand; those after a healthy one apart."""
    return _AGAIN + kind if again else kind


def of_kind(
    incident: Incident, kind: str, observations: Iterable[Observation]
) -> dict[str, Observation]:
    """The looks in one place, by what they are about."""
    begin = incident.key(kind, "")
    return {o.key.removeprefix(begin): o for o in observations if o.key.startswith(begin)}


def lines_of(
    incident: Incident,
    node: str,
    observations: Iterable[Observation],
    payloads: Mapping[str, Any],
    *,
    now: float,
    window_s: float,
) -> list[str]:
    """A node's recent log lines: of its own log, and of readings at the incident's node."""
    answers: list[Any] = []
    for o in observations:
        kind, about = _read_key(incident, o)
        own = about == node if kind in (LOG, LOOK) else node == incident.stage
        if own and o.key in payloads:
            answers.append(payloads[o.key])
    return recent_lines(answers, node=node, now=now, window_s=window_s)


def numbers_of(
    incident: Incident,
    node: str,
    observations: Iterable[Observation],
    payloads: Mapping[str, Any],
) -> dict[str, float]:
    """The figures that count for a node: of its own check, and of readings that name no other."""
    answers: list[Any] = []
    for o in observations:
        kind, about = _read_key(incident, o)
        if kind not in (PROMISE, LOG) and (kind != LOOK or about == node) and o.key in payloads:
            answers.append(payloads[o.key])
    return numbers(of_node(answers, node))


def _read_key(incident: Incident, observation: Observation) -> tuple[str, str]:
    kind, _, about = observation.key.removeprefix(incident.key("")).partition("/")
    return kind.removeprefix(_AGAIN), about
