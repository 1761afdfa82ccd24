"""What is compared: what was promised, what the records and the backend have, a calm run's end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.crash.proof.sender import Promise

Fault = Literal["lost", "doubled", "out_of_order", "wrong_outcome"]
FAULTS: tuple[Fault, ...] = ("lost", "doubled", "out_of_order", "wrong_outcome")
Effect = tuple[str, str]
"""A tool and its target, as the backend logged them."""
REMEDIES = ("restart_stage", "retry_failed_jobs", "clear_queue")


@dataclass(frozen=True)
class Calm:
    """What becomes of one kind of event when nothing is killed."""

    outcome: str
    effects: Mapping[Effect, int]


@dataclass(frozen=True)
class Recorded:
    """One event in the records."""

    seq: int
    session_id: str
    status: str
    outcome: str | None
    reason: str | None
    began_at: float | None


@dataclass(frozen=True)
class Question:
    """One approval in the records."""

    session_id: str
    event_id: str
    status: str


@dataclass(frozen=True)
class Evidence:
    """Everything that is compared."""

    promises: Mapping[str, Promise]
    actions: list[dict[str, Any]]
    items: Mapping[str, list[dict[str, Any]]]
    """The tickets and the messages that people have, by file."""
    events: Mapping[str, Recorded]
    sessions: Mapping[str, str]
    approvals: Mapping[str, Question]
    spared: frozenset[str] = frozenset()
    """Events whose stage another session was acting on: they looked again before their remedy."""
    answered: Mapping[str, int] = field(default_factory=dict)
    """By approval: the status code of the sender's first answer that came through."""
    refusals: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Finding:
    """One fault and what shows it."""

    fault: Fault
    text: str
