"""Alertmanager's webhook, version 4: one event for each alert of the group, firing or resolved.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from observer.domain.event import digest
from observer.sources.native import MESSAGE_LIMIT, Alert, ResolvedAlert
from observer.sources.reading import plain_name, rejection, severity_of

_STAGE_LABELS = ("stage", "node", "service", "job", "alertname")


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
    status: Literal["firing", "resolved"] = "firing"
    group_key: str = Field(default="", alias="groupKey")
    group_labels: dict[str, str] = Field(default_factory=dict, alias="groupLabels")
    common_labels: dict[str, str] = Field(default_factory=dict, alias="commonLabels")
    truncated_alerts: int = Field(default=0, alias="truncatedAlerts")
    alerts: list[PrometheusAlert] = Field(min_length=1, max_length=1000)


def parse(payload: Any) -> list[Alert]:
    """The events of one delivery; the same alert, notified again, has the same event id.

    Raises:
        PayloadRejected: naming the field that is wrong.
    """
    try:
        group = Group.model_validate(payload)
        events = [_event(alert) for alert in group.alerts]
        if group.truncated_alerts > 0 and group.status == "firing":
            events.append(_left_out(group))
        return events
    except ValidationError as error:
        raise rejection(error) from error


def _event(alert: PrometheusAlert) -> Alert:
    labels = alert.labels
    fired = digest(alert.fingerprint, alert.starts_at.isoformat())[:32]
    event = Alert(
        severity=severity_of(labels.get("severity", "")),
        stage=_stage(labels),
        message=_message(alert),
        tenant_id=_tenant(labels),
        event_id=fired,
        occurred_at=alert.starts_at,
        labels=_kept(labels),
    )
    if alert.status == "firing":
        return event
    return ResolvedAlert(**{**dict(event), "event_id": f"{fired}-resolved", "resolves": fired})


def _left_out(group: Group) -> Alert:
    """The alerts that `max_alerts` cut off are an event themselves, or nobody would know."""
    labels = {**group.common_labels, **group.group_labels}
    firing = [alert.starts_at for alert in group.alerts if alert.status == "firing"]
    since = min(firing or [group.alerts[0].starts_at], key=str)
    return Alert(
        severity=severity_of(labels.get("severity", "")),
        stage=_stage(labels),
        message=f"Alertmanager left {group.truncated_alerts} alerts of this group out of its"
        " delivery: raise max_alerts of its webhook",
        tenant_id=_tenant(labels),
        event_id=digest("left out", group.group_key, since.isoformat()),
        occurred_at=since,
        labels=_kept(labels),
    )


def _stage(labels: dict[str, str]) -> str:
    return plain_name(next((labels[n] for n in _STAGE_LABELS if labels.get(n)), "unknown"))


def _tenant(labels: dict[str, str]) -> str:
    return plain_name(labels.get("tenant") or labels.get("tenant_id") or "default")


def _kept(labels: dict[str, str]) -> dict[str, str]:
    """As many as an event holds, first the one that the tree knows alerts by."""
    names = sorted(labels, key=lambda name: name != "alertname")
    return {name: labels[name] for name in names[:100]}


def _message(alert: PrometheusAlert) -> str:
    said = alert.annotations.get("summary") or alert.annotations.get("description")
    name = alert.labels.get("alertname", "alert")
    return (f"{name}: {said}" if said else name)[:MESSAGE_LIMIT]
