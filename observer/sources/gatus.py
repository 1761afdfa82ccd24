"""Gatus' custom alerting provider, with the body of docs/intake.md: one endpoint a delivery.

https://github.com/TwiN/gatus#configuring-custom-alerts
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from observer.domain.event import digest
from observer.sources.native import MESSAGE_LIMIT, Alert, Name, OngoingAlert
from observer.sources.reading import plain_name, rejection, severity_of


class Endpoint(BaseModel):
    """A delivery. Keys that are not listed are ignored."""

    name: str = Field(min_length=1, max_length=500)
    group: str = Field(default="", max_length=500)
    status: Literal["TRIGGERED", "RESOLVED"]
    description: str = ""
    errors: str = ""
    severity: str = ""
    tenant_id: Name = "default"


def parse(payload: Any) -> list[Alert]:
    """The event of one delivery; `Group / Name` is its alert's name.

    Raises:
        PayloadRejected: naming the field that is wrong.
    """
    try:
        return [_event(Endpoint.model_validate(payload))]
    except ValidationError as error:
        raise rejection(error) from error


def _event(endpoint: Endpoint) -> Alert:
    where = f"{endpoint.group} / {endpoint.name}" if endpoint.group else endpoint.name
    said = [text for text in (where, endpoint.description, endpoint.errors) if text.strip()]
    return OngoingAlert(
        severity=severity_of(endpoint.severity),
        stage=plain_name(endpoint.name),
        message=": ".join(said)[:MESSAGE_LIMIT] or where,
        tenant_id=endpoint.tenant_id,
        labels={"alertname": where, "group": endpoint.group, "name": endpoint.name},
        # An endpoint may have several alerts, the next one with a higher severity.
        subject=digest(endpoint.group, endpoint.name, endpoint.severity.lower()),
        over=endpoint.status == "RESOLVED",
    )
