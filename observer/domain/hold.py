"""Why nothing is begun for a tenant, or for all: a hold, and what may go on under it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

EVERYBODY = "*"
"""No tenant can have this name."""


class HoldCause(StrEnum):
    """Who or what holds."""

    PERSON = "person"
    """`observer pause`: nothing is begun until `unpause`."""
    BUDGET = "budget"
    """What may be used in a day is spent: until the next day, or a raised limit."""
    HEALTH = "health"
    """A run went wrong where health.on_anomaly is `pause` or `stop`: until `unpause`."""
    NO_PROGRESS = "no_progress"
    """Runs without progress, one soon after the other (seed 001): until `unpause`."""


_FREEZES = (HoldCause.HEALTH, HoldCause.NO_PROGRESS)


@dataclass(frozen=True)
class Hold:
    """One reason to wait."""

    tenant_id: str
    """A tenant, or `*`."""
    cause: HoldCause
    reason: str
    since: float
    """Unix time."""


def may_begin(holds: Iterable[Hold], *, critical: bool) -> bool:
    """Whether work may begin: a CRITICAL reaches people under any hold but a person's own."""
    return all(critical and hold.cause is not HoldCause.PERSON for hold in holds)


def why_frozen(holds: Iterable[Hold]) -> str | None:
    """Why no tool may be called and no model asked, so that only people are told; None: it may.

    Under a spent budget this is for the budget to say, for each call.
    """
    return next((hold.reason for hold in holds if hold.cause in _FREEZES), None)
