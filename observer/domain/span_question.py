"""A question about many spans: which ones, in which order, and by what they are counted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from observer.domain.span_kinds import SpanKind


class Grouping(StrEnum):
    """By which tag spans are counted."""

    MODEL_VERSION = "model_version"
    PROMPT_VERSION_HASH = "prompt_version_hash"
    TOOL_NAME = "tool_name"
    TENANT = "tenant"
    FEATURE = "feature"
    STAGE = "stage"


class SortBy(StrEnum):
    """What comes first: the slowest, or the dearest."""

    LATENCY = "latency"
    COST = "cost"


_TAG_OF = {
    Grouping.MODEL_VERSION: SpanKind.LLM_CALL,
    Grouping.PROMPT_VERSION_HASH: SpanKind.LLM_CALL,
    Grouping.TOOL_NAME: SpanKind.TOOL_CALL,
}
"""Tags that only one kind of span has."""

FAULTS: dict[SpanKind, tuple[str, ...]] = {
    SpanKind.AGENT_STEP: ("error", "interrupted"),
    SpanKind.LLM_CALL: ("error",),
    # Refused is a decision of ours, not a fault of the tool.
    SpanKind.TOOL_CALL: ("error", "timeout", "unknown"),
    SpanKind.RETRY: ("error",),
    # A person who says no is no fault.
    SpanKind.HITL_APPROVAL: (),
}
"""Which statuses count as errors. A run's last span is an agent step."""


def is_fault(kind: SpanKind, status: str) -> bool:
    """Whether a span of this kind with this status counts as an error."""
    return status in FAULTS[kind]


class ContradictoryQuestion(ValueError):
    """Two of the filters exclude each other."""


@dataclass(frozen=True, kw_only=True)
class SpanQuestion:
    """What is asked; None stands for any. Times in milliseconds since 1970, `since` included,
    `until` not.

    Raises:
        ContradictoryQuestion: no span has all of these tags.
    """

    tenant: str | None = None
    since: int | None = None
    until: int | None = None
    tool: str | None = None
    status: str | None = None
    feature: str | None = None
    kind: SpanKind | None = None
    group_by: Grouping | None = None
    sort_by: SortBy | None = None
    limit: int = 50

    def __post_init__(self) -> None:
        wanted = {
            f"--kind {self.kind}": self.kind,
            f"--tool {self.tool}": SpanKind.TOOL_CALL if self.tool is not None else None,
            f"--group-by {self.group_by}": self._grouped_kind,
        }
        asked = {option: kind for option, kind in wanted.items() if kind is not None}
        if len(set(asked.values())) > 1:
            raise ContradictoryQuestion(
                "no span has all of it: "
                + ", ".join(f"{option} is about {kind} spans" for option, kind in asked.items())
            )

    @property
    def _grouped_kind(self) -> SpanKind | None:
        return None if self.group_by is None else _TAG_OF.get(self.group_by)

    @property
    def of_runs(self) -> bool:
        """Whether it is about runs: nothing in it is a tag of single spans."""
        single = (self.tool, self.status, self.kind, self._grouped_kind)
        return all(tag is None for tag in single)

    @property
    def kinds(self) -> tuple[SpanKind, ...]:
        """The kinds of span it is about; of runs, that of their last span."""
        if self.of_runs:
            return (SpanKind.AGENT_STEP,)
        if self.kind is not None:
            return (self.kind,)
        if self.tool is not None:
            return (SpanKind.TOOL_CALL,)
        return tuple(SpanKind) if self._grouped_kind is None else (self._grouped_kind,)


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """One run. Latency in milliseconds (so far, if it is running), cost in nano-USD."""

    trace_id: str
    session_id: str
    tenant_id: str
    feature: str
    stage: str
    started_ms: int
    latency_ms: float
    cost_nano: int
    status: str
    outcome: str | None


@dataclass(frozen=True, kw_only=True)
class SpanRow:
    """One span. Latency in milliseconds, cost in nano-USD."""

    trace_id: str
    span_id: str
    session_id: str
    tenant_id: str
    feature: str
    stage: str
    started_ms: int
    span_kind: str
    name: str
    step_index: int
    latency_ms: float
    cost_nano: int
    status: str
    summary: str | None


@dataclass(frozen=True, kw_only=True)
class GroupRow:
    """The spans that share a tag. Latencies in milliseconds, cost in nano-USD.

    A percentile is the nearest rank: the smallest latency that so many per cent of the spans do
    not exceed, so it is always one that was measured.
    """

    group: str
    count: int
    errors: int
    refused: int
    p50_ms: float
    p95_ms: float
    cost_nano: int

    @property
    def error_rate(self) -> float:
        """Errors of all, 0 to 1."""
        return self.errors / self.count


def nearest_rank(count: int, percent: int) -> int:
    """Which of so many values in order, counted from 1, is the percentile."""
    return max(1, -(-count * percent // 100))
