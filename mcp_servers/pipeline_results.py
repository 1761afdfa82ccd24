"""What the pipeline tools answer. In every write's answer, `result` is the text of the reply."""

from typing import Any, Literal

from pydantic import BaseModel

Number = int | float | None


class PipelineHealth(BaseModel):
    stages: dict[str, str]
    healthy_count: int
    total_count: int
    overall: Literal["healthy", "degraded"]


class StageMetrics(BaseModel):
    """One stage's figures. A null figure is unknown, not zero."""

    stage: str
    status: str
    throughput_rps: Number
    error_rate_pct: Number
    p95_latency_ms: Number
    queue_depth: Number


class ErrorLine(BaseModel):
    timestamp: str
    message: str


class RecentErrors(BaseModel):
    stage: str
    minutes: int
    errors: list[ErrorLine]


class Restarted(BaseModel):
    action: Literal["restart_stage"] = "restart_stage"
    stage: str
    result: str
    restart_id: str | None


class Retried(BaseModel):
    action: Literal["retry_failed_jobs"] = "retry_failed_jobs"
    stage: str
    retried: int
    succeeded: int
    still_failing: int
    result: str


class QueueCleared(BaseModel):
    action: Literal["clear_queue"] = "clear_queue"
    stage: str
    cleared_items: int
    result: str
    clear_id: str | None = None


class IncidentCreated(BaseModel):
    incident_id: str | None
    status: Literal["created", "refused"]
    result: str


class SlackAlertSent(BaseModel):
    channel: str
    delivered: bool
    result: str


class OncallPaged(BaseModel):
    service: str
    page_id: str | None
    result: str


class FoundAction(BaseModel):
    """What one idempotency key did, if it did anything."""

    found: bool
    action: str | None = None
    result: dict[str, Any] | None = None
