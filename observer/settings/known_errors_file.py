"""known_errors.yaml, in the seed's schema (002)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from observer.domain.runbook import ConditionText, Data, Seconds


def _moment(value: object) -> float:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(
            "not a day; write for example 2026-01-15, or 2026-01-15T09:30:00Z"
        ) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


Moment = Annotated[float, BeforeValidator(_moment)]
"""Unix time, written as a day or a moment of ISO 8601; without a time zone it is UTC."""


class SignatureRow(Data):
    """What an occurrence looks like."""

    log_pattern: str
    node: str
    metric_condition: ConditionText | None = None


class FixStep(Data):
    """One step of a fix: one of `STEPS`, or a tool with its arguments."""

    action: str
    args: dict[str, Any] = Field(default_factory=dict)
    purpose: str = ""
    container: str | None = Field(default=None, min_length=1)
    command: str | None = None
    duration: Annotated[Seconds, Field(le=3600)] | None = None
    check: ConditionText | None = None
    timeout: Seconds | None = None
    interval: Seconds | None = None
    message: str | None = Field(default=None, min_length=1, max_length=500)


STEPS: dict[str, tuple[str, ...]] = {
    "docker_exec": ("container", "command"),
    "wait": ("duration",),
    "verify": ("check", "timeout", "interval"),
    "escalate_if_failed": ("message",),
}
"""Steps that are no tools, and the keys that each of them takes."""


class Fix(Data):
    """How a known error is fixed."""

    type: Literal["automated", "wait_and_verify", "escalate"]
    steps: list[FixStep] = Field(default_factory=list)
    rollback: list[FixStep] = Field(default_factory=list)


class KnownErrorRow(Data):
    """One known error, in the seed's schema."""

    id: str
    signature: SignatureRow
    root_cause: str
    fix: Fix
    severity: Literal["low", "medium", "high", "critical"]
    first_seen: Moment | None = None
    last_seen: Moment | None = None
    occurrence_count: int = Field(default=0, ge=0)
    resolution_time_avg: Seconds | None = None


class KnownErrorsFile(Data):
    """known_errors.yaml."""

    errors: list[KnownErrorRow] = Field(default_factory=list)
