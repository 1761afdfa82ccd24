"""The native event of the contract, one a delivery."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from observer.domain.event import NAME_LIMIT, NAME_PATTERN, Severity
from observer.sources.reading import rejection

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, min_length=1, max_length=NAME_LIMIT)]
"""Letters, digits, `_`, `.`, `:` and `-`, not beginning with a dash; at most 100."""

MESSAGE_LIMIT = 32_768


class Alert(BaseModel):
    """One event as a caller sends it. Keys that are not listed are ignored."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    severity: Severity | None = None
    stage: Name
    message: str = Field(min_length=1, max_length=MESSAGE_LIMIT)
    tenant_id: Name = "default"
    session_id: Name | None = None
    event_id: Name | None = None
    occurred_at: datetime | None = None
    labels: dict[str, str] = Field(default_factory=dict, max_length=100)
    metrics: dict[str, float] = Field(default_factory=dict, max_length=100)
    feature: Name = "pipeline_observer"


class OngoingAlert(Alert):
    """Word of something that goes on, from a source that gives it neither an id nor a time."""

    subject: Name
    """What it is about; the same again is the same occurrence until that one is over."""
    over: bool


class ResolvedAlert(Alert):
    """The source's word that what it alerted of is over."""

    resolves: Name
    """The event id of the alert that fired."""
    subject: Name | None = None


class RaisedAlert(Alert):
    """An event of our own making: no delivery is read as one."""

    depth: int = 0


def parse(payload: Any) -> list[Alert]:
    """The event of a native delivery.

    Raises:
        PayloadRejected: naming the field that is wrong.
    """
    try:
        return [Alert.model_validate(payload)]
    except ValidationError as error:
        raise rejection(error) from error
