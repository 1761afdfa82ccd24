"""What a step took: the fields of seed 001, no default on a required tag."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from observer.domain.budget import NANO
from observer.domain.calls import Run
from observer.domain.event import Event, Incident
from observer.domain.span_kinds import SpanKind

About = Event | Incident
"""What a span is about: whose it is, its session, stage and feature."""

RunStatus = Literal["success", "waiting", "error", "interrupted"]
"""It reached its end, waits for a person, failed, or was cut."""


class MissingTag(ValueError):
    """A span lacks a required tag."""


FINAL_RESPONSE = "final_response"
"""The name of a run's last span: an agent_step with the run's whole latency and cost."""

OPEN = "open"
"""The status of a step that has begun and not ended."""

_PARENT = "parent_span_id"
"""Said of every span: the first step of a run has none."""

_COMMON = ("trace_id", "tenant_id", "session_id", "step_index", "timestamp_ms", "span_kind")
_REQUIRED: dict[SpanKind, tuple[str, ...]] = {
    SpanKind.AGENT_STEP: (),
    SpanKind.RETRY: (),
    SpanKind.HITL_APPROVAL: (),
    SpanKind.LLM_CALL: (
        "model_id",
        "model_version",
        "prompt_version_hash",
        "input_tokens",
        "output_tokens",
        "temperature",
        "cost_usd",
    ),
    SpanKind.TOOL_CALL: (
        "tool_name",
        "tool_version",
        "args_redacted",
        "result_status",
        "latency_ms",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Span:
    """One span. Times in milliseconds, cost in US dollars.

    Raises:
        MissingTag: a tag that its kind requires is None.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    tenant_id: str
    session_id: str
    step_index: int
    timestamp_ms: int
    span_kind: SpanKind
    latency_ms: float
    feature: str
    stage: str
    name: str
    result_status: str
    model_id: str | None = None
    model_version: str | None = None
    prompt_version_hash: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    temperature: float | None = None
    cost_usd: float | None = None
    cost_nano: int | None = None
    """The same cost in nano-USD, exactly: what budgets count and roll-ups add."""
    price_table: str | None = None
    """Which price list the cost was reckoned with."""
    tool_name: str | None = None
    tool_version: str | None = None
    args_redacted: dict[str, Any] | None = None
    result_summary: str | None = None
    blast_radius_class: int | None = None
    redacted: list[str] | None = None
    """The redaction rules that took something out of this span."""

    def __post_init__(self) -> None:
        for tag in (*_COMMON, *_REQUIRED.get(self.span_kind, ())):
            if getattr(self, tag) is None or getattr(self, tag) == "":
                raise MissingTag(f"a {self.span_kind} span needs {tag}")

    def as_record(self) -> dict[str, Any]:
        """The span as one JSON object, without the tags that its kind does not have."""
        tags = ((name, getattr(self, name)) for name in _TAGS)
        return {name: value for name, value in tags if value is not None or name == _PARENT}


_TAGS = tuple(field.name for field in fields(Span))


def span_of(
    run: Run,
    kind: SpanKind,
    *,
    name: str,
    span_id: str,
    started_ms: int,
    latency_ms: float,
    status: str,
    **tags: Any,
) -> Span:
    """A span of something that happened in a step of a run: a child of the step's span.

    Raises:
        MissingTag: a tag that its kind requires is missing.
    """
    return _span(
        run.incident,
        trace_id=run.trace_id,
        span_id=span_id,
        parent_span_id=run.span_id,
        step_index=run.step,
        timestamp_ms=started_ms,
        span_kind=kind,
        latency_ms=latency_ms,
        name=name,
        result_status=status,
        **tags,
    )


def step_begun(run: Run, name: str, *, parent: str | None, started_ms: int) -> Span:
    """The span of a step that begins: a child of the step that led to it, of the run's first none.

    It takes no time yet, and its status is `open`.
    """
    return _span(
        run.incident,
        trace_id=run.trace_id,
        span_id=run.span_id,
        parent_span_id=parent,
        step_index=run.step,
        timestamp_ms=started_ms,
        span_kind=SpanKind.AGENT_STEP,
        latency_ms=0.0,
        name=name,
        result_status=OPEN,
    )


def final_response(
    about: About,
    *,
    trace_id: str,
    span_id: str,
    parent: str | None,
    step: int,
    started_ms: int,
    latency_ms: float,
    cost_nano: int,
    status: RunStatus,
    outcome: str,
) -> Span:
    """The last span of a run: what became of it, its whole latency and its models' cost."""
    return _span(
        about,
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=parent,
        step_index=step,
        timestamp_ms=started_ms,
        span_kind=SpanKind.AGENT_STEP,
        latency_ms=latency_ms,
        name=FINAL_RESPONSE,
        result_status=status,
        cost_usd=cost_nano / NANO,
        cost_nano=cost_nano,
        result_summary=outcome,
    )


def _span(about: About, **tags: Any) -> Span:
    return Span(
        tenant_id=about.tenant_id,
        session_id=about.session_id,
        feature=about.feature,
        stage=about.stage,
        **tags,
    )
