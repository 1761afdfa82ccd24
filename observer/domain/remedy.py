"""Ordered calls that may heal a node, and what a judge says about them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from observer.domain.calls import Call


@dataclass(frozen=True)
class Check:
    """What proves that a node is healthy again: a reading and a condition on its numbers."""

    tool: str
    condition: str
    timeout_s: float
    interval_s: float


@dataclass(frozen=True)
class Remedy:
    """A named way to heal one node: steps in order, and the check that proves it."""

    id: str
    origin: str
    """`known error` or `diagnosis`."""
    steps: tuple[Call, ...]
    check: Check
    approval_id: str | None = None

    @property
    def fingerprint(self) -> str:
        """Identity of the exact actions and arguments: what an approval is bound to."""
        return fingerprint_of(self.steps)


def fingerprint_of(steps: Iterable[Call]) -> str:
    """Identity of some actions with their exact arguments, in order."""
    listed = [[step.tool, step.args] for step in steps]
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()


class Verdict(StrEnum):
    """Whether the evidence shows the cause, or only suggests it."""

    PROVEN = "proven"
    NOT_PROVEN = "not_proven"


@dataclass(frozen=True)
class Diagnosis:
    """A judge's answer: the cause as far as it is known, and one thing to do next."""

    root_cause: str
    verdict: Verdict
    remedy: str | None
    reading: str | None
    model_id: str


class Level(StrEnum):
    """Autonomy levels of autonomy.yaml, from the seed's table."""

    FULL = "full"
    """Runs without asking."""
    AFTER_DELAY = "after_delay"
    """Runs once the failure has lasted the rule's delay; before that a person is asked."""
    KNOWN_PATTERN = "known_pattern"
    """Runs only as the fix of a known error; else a person is asked."""
    APPROVE = "approve"
    """Runs only after a person approved exactly this call."""
    NEVER = "never"
    """Always belongs to a person."""


class RulingKind(StrEnum):
    """The three answers of a policy."""

    ALLOW = "allow"
    ASK = "ask"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Ruling:
    """A decision about a call, with the reason that the journal and the person read."""

    kind: RulingKind
    reason: str


class ApprovalState(StrEnum):
    """Where the question to a person stands within a run."""

    NONE = "none"
    DUE = "due"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Notice:
    """One required notification or ticket: what to call, and under which key."""

    key: str
    call: Call
