"""Alertmanager's webhook, version 4: one event for each alert of the group, firing or resolved.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from observer.domain.event import NAME_LIMIT, Severity, digest
from observer.errors import PayloadRejected
from observer.sources.native import MESSAGE_LIMIT, Alert, ResolvedAlert

_STAGE_LABELS = ("stage", "node", "service", "job", "alertname")
_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "page": Severity.CRITICAL,
    "error": Severity.CRITICAL,
    "warning": Severity.WARNING,
    "info": Severity.INFO,
    "none": Severity.INFO,
}


class PrometheusAlert(BaseModel):
    """One alert of a group."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = Field(default_factory=dict)
    starts_at: datetime = Field(alias="startsAt")
    fingerprint: str = Field(min_length=1)


class Group(BaseModel):
    """A delivery. Keys that are not listed are ignored."""

    version: Literal["4"]
    alerts: list[PrometheusAlert] = Field(min_length=1, max_length=1000)


def parse(payload: Any) -> list[Alert]:
    """The events of one delivery; the same alert, notified again, has the same event id.

    Raises:
        PayloadRejected: naming the field that is wrong.
    """
    try:
        group = Group.model_validate(payload)
        return [_event(alert) for alert in group.alerts]
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "(body)"
        raise PayloadRejected(f"{field}: {first['msg']}", field=field) from error


def _event(alert: PrometheusAlert) -> Alert:
    labels = alert.labels
    stage = next((labels[name] for name in _STAGE_LABELS if labels.get(name)), "unknown")
    fired = digest(alert.fingerprint, alert.starts_at.isoformat())[:32]
    event = Alert(
        severity=_SEVERITIES.get(labels.get("severity", "").lower()),
        stage=_name(stage),
        message=_message(alert),
        tenant_id=_name(labels.get("tenant") or labels.get("tenant_id") or "default"),
        event_id=fired,
        occurred_at=alert.starts_at,
        labels=dict(list(labels.items())[:100]),
    )
    if alert.status == "firing":
        return event
    return ResolvedAlert(**{**dict(event), "event_id": f"{fired}-resolved", "resolves": fired})


def _message(alert: PrometheusAlert) -> str:
    said = alert.annotations.get("summary") or alert.annotations.get("description")
    name = alert.labels.get("alertname", "alert")
    return (f"{name}: {said}" if said else name)[:MESSAGE_LIMIT]


def _name(text: str) -> str:
    """A label as a name of ours: its other characters become `_`."""
    return re.sub(r"[^A-Za-z0-9_.:-]", "_", text).lstrip("-.:")[:NAME_LIMIT] or "unknown"
