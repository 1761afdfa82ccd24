"""dependency_tree.yaml, in the seed's schema (002)."""

from __future__ import annotations

from datetime import date, time
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, model_validator

from observer.domain.dependency_tree import NodeType
from observer.domain.event import Severity
from observer.domain.runbook import Data

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Method = Literal[
    "consumer_lag",
    "topic_freshness",
    "log_recency",
    "tcp_connect",
    "http",
    "redis_ping",
    "supervisor_state",
    "promql",
    "stage_metrics",
    "python",
]


class WindowRow(Data):
    """When promises count that name this window."""

    time_zone: ZoneInfo
    days: list[Day] = Field(min_length=1)
    opens: time
    closes: time
    holidays: list[date] = Field(default_factory=list)


class SlaRow(Data):
    """A metric's promise."""

    threshold: str
    window: str
    query: str | None = None
    gatus_check: str | None = None


class HealthcheckRow(Data):
    """How a node is looked at; every other key is a parameter of the method."""

    model_config = ConfigDict(extra="allow")

    method: Method


class LogsRow(Data):
    """Where a node's log lines are."""

    loki_query: str


class NodeRow(Data):
    """One node; or, as `ref`, the place of one that is written elsewhere."""

    node: str | None = None
    ref: str | None = None
    type: NodeType | None = None
    description: str = ""
    criticality: Severity | None = None
    container: str | None = None
    supervisor_group: str | None = None
    supervisor_process: str | None = None
    systemd_unit: str | None = None
    deployment: str | None = None
    topic: str | None = None
    cluster: str | None = None
    min_isr: int | None = Field(default=None, ge=1)
    healthcheck: HealthcheckRow | None = None
    logs: LogsRow | None = None
    metrics: list[str] = Field(default_factory=list)
    alerts: list[str] = Field(default_factory=list)
    limits: dict[str, str | float] = Field(default_factory=dict)
    notes: str | None = None
    depends_on: list[NodeRow] = Field(default_factory=list)

    @model_validator(mode="after")
    def _whole(self) -> NodeRow:
        if (self.node is None) == (self.ref is None):
            raise ValueError("write either `node` and what it is, or `ref` and a node's name")
        if self.ref is not None and self.model_fields_set != {"ref"}:
            raise ValueError("a `ref` takes no other key: they stand where the node is written")
        if self.node is not None and self.type is None:
            raise ValueError(f"'{self.node}' needs a `type`")
        return self


class MetricRow(Data):
    """One business metric."""

    description: str
    sla: SlaRow
    alerts: list[str] = Field(default_factory=list)
    depends_on: list[NodeRow] = Field(default_factory=list)


class TreeFile(Data):
    """dependency_tree.yaml."""

    windows: dict[str, WindowRow] = Field(default_factory=dict)
    metrics: dict[str, MetricRow]
