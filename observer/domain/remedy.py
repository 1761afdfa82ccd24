"""Ordered calls that may heal a node, and what a judge says about them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from observer.domain.calls import Call


@dataclass(frozen=True)
class Check:
    """What proves that a node is healthy again: a reading and a condition on its numbers."""

    tool: str
    condition: str
    timeout_s: float
    interval_s: float


@dataclass(frozen=True)
class Wait:
    """Time in which nothing is done, because the node may recover by itself."""

    seconds: float


Step = Call | Wait


@dataclass(frozen=True)
class Remedy:
    """A named way to heal one node: steps in order, and the check that proves it."""

    id: str
    origin: str
    """`known error` or `diagnosis`."""
    steps: tuple[Step, ...]
    check: Check
    approval_id: str | None = None
    rollback: tuple[Call, ...] = ()
    """What undoes the steps where they were carried out and the check was not met."""
    escalate_message: str = ""
    """What people are told where it did not help; then no other idea is tried."""

    @property
    def calls(self) -> tuple[Call, ...]:
        """All that it may do, the rollback last: what is ruled on and asked about."""
        return (*self.actions, *self.rollback)

    @property
    def actions(self) -> tuple[Call, ...]:
        """Its steps without the waits."""
        return tuple(step for step in self.steps if isinstance(step, Call))

    def begun_before(self, step: int, *, rollback: bool) -> bool:
        """Whether something was carried out before this step, so that to stop leaves it half."""
        before = self.steps if rollback else self.steps[:step]
        return any(isinstance(earlier, Call) for earlier in before)

    @property
    def fingerprint(self) -> str:
        """Identity of the exact actions and arguments: what an approval is bound to."""
        return fingerprint_of(self.steps, self.rollback)

    def with_calls(self, calls: Sequence[Call]) -> Remedy:
        """The same plan with these calls in place of `calls`; its waits stay where they are."""
        given = iter(calls)
        steps = tuple(step if isinstance(step, Wait) else next(given) for step in self.steps)
        return replace(self, steps=steps, rollback=tuple(given))


def fingerprint_of(steps: Iterable[Step], rollback: Iterable[Call] = ()) -> str:
    """Identity of some steps with their exact arguments and seconds, in order."""
    listed = [_identity(step) for step in steps]
    undone = [_identity(call) for call in rollback]
    whole = [*listed, ["rollback"], *undone] if undone else listed
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _identity(step: Step) -> list[Any]:
    return ["wait", step.seconds] if isinstance(step, Wait) else [step.tool, step.args]


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
    """Runs once the failure has lasted the rule's delay; until then it waits, visibly."""
    KNOWN_PATTERN = "known_pattern"
    """Runs only as the fix of a known error; else a person is asked."""
    APPROVE = "approve"
    """Runs only after a person approved exactly this call."""
    NEVER = "never"
    """Always belongs to a person."""


class RulingKind(StrEnum):
    """The four answers of a policy."""

    ALLOW = "allow"
    WAIT = "wait"
    ASK = "ask"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Ruling:
    """A decision about a call, with the reason that the journal and the person read."""

    kind: RulingKind
    reason: str
    wait_s: float = 0.0
    """Of WAIT: after so long it is ruled on again."""


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
