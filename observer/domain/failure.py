"""What became of a failure that an event told of, and whether it was down time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from observer.domain.dependency_tree import DependencyTree
from observer.domain.event import Severity
from observer.domain.uptime import Outage


class Result(StrEnum):
    """How a failure stands, or how its run ended."""

    OPEN = "open"
    """Its run has not ended: it is tried again, or a person is asked."""
    HEALED = "healed"
    """By us, and verified."""
    SPARED = "spared"
    """Another session's action healed it."""
    RECOVERED = "recovered"
    """It was ill, and well again with nothing done."""
    FALSE_ALARM = "false_alarm"
    """It read healthy from the first look on."""
    HANDED_OVER = "handed_over"
    """A person has it."""
    GIVEN_UP = "given_up"
    """Its run failed for good."""


VERIFIED = frozenset({Result.HEALED, Result.SPARED, Result.RECOVERED, Result.FALSE_ALARM})
"""With these the node was seen healthy."""
NOTHING_DONE = frozenset({Result.RECOVERED, Result.FALSE_ALARM})


@dataclass(frozen=True)
class Failure:
    """A WARNING or CRITICAL that came in, from then until it was well, as it is recorded."""

    tenant_id: str
    session_id: str
    node: str
    severity: Severity
    result: Result
    metrics: frozenset[str]
    """Whose promise it breaks."""
    began_at: float
    ended_at: float | None = None
    """When it was seen healthy, or its source called it over; None: neither, so it goes on."""

    @property
    def is_outage(self) -> bool:
        """Whether it is down time: a CRITICAL or a broken promise, unless it read healthy."""
        counts = self.severity is Severity.CRITICAL or bool(self.metrics)
        return counts and self.result is not Result.FALSE_ALARM

    @property
    def outage(self) -> Outage:
        """Its down time."""
        return Outage(self.began_at, self.ended_at, self.metrics)


def broken_by(
    tree: DependencyTree,
    *,
    about: str,
    node: str,
    severity: Severity,
    kept: Collection[str] = (),
    broken: Collection[str] = (),
) -> frozenset[str]:
    """The metrics whose promise a failure breaks.

    Args:
        tree: says which metrics suffer from a node.
        about: what the event named, a metric or a node.
        node: the cause, where one was found.
        severity: of the failure.
        kept: metrics whose promise was read, and is kept.
        broken: metrics whose promise was read, and is not.
    """
    found = set(broken)
    if about in tree.metrics:
        found.add(about)
    if severity is Severity.CRITICAL:
        # What nobody can read is believed of a CRITICAL, as people would.
        suffering = [*tree.suffering(about), *tree.suffering(node)]
        found |= {metric.name for metric in suffering if metric.query is None}
    return frozenset(found - set(kept))
