"""Spans: every tag that seed 001 requires of a kind is demanded, each by its name."""

from __future__ import annotations

from typing import Any

import pytest

from observer.domain.span import MissingTag, Span, SpanKind

COMMON = (
    "trace_id",
    "tenant_id",
    "session_id",
    "step_index",
    "timestamp_ms",
    "span_kind",
)
LLM = (
    "model_id",
    "model_version",
    "prompt_version_hash",
    "input_tokens",
    "output_tokens",
    "temperature",
    "cost_usd",
)
TOOL = ("tool_name", "tool_version", "args_redacted", "result_status", "latency_ms")
WHOLE: dict[str, Any] = {
    "trace_id": "t",
    "span_id": "s",
    "parent_span_id": None,
    "tenant_id": "acme",
    "session_id": "loading-1",
    "step_index": 0,
    "timestamp_ms": 1,
    "latency_ms": 0.0,
    "feature": "pipeline_observer",
    "stage": "loading",
    "name": "step",
    "result_status": "success",
    "model_id": "runbook",
    "model_version": "runbook",
    "prompt_version_hash": "abc",
    "input_tokens": 0,
    "output_tokens": 0,
    "temperature": 0.0,
    "cost_usd": 0.0,
    "tool_name": "restart_stage",
    "tool_version": "1",
    "args_redacted": {},
    "result_summary": "",
    "blast_radius_class": 3,
}
ALL = [
    *((kind, tag) for kind in SpanKind for tag in COMMON if tag != "span_kind"),
    *((SpanKind.LLM_CALL, tag) for tag in LLM),
    *((SpanKind.TOOL_CALL, tag) for tag in TOOL),
]


@pytest.mark.parametrize(("kind", "tag"), ALL)
def test_a_span_without_a_required_tag_is_refused_by_its_name(kind: SpanKind, tag: str) -> None:
    """Case 40."""
    with pytest.raises(MissingTag, match=f"{kind} span needs {tag}"):
        Span(**{**WHOLE, tag: None}, span_kind=kind)


@pytest.mark.parametrize("tag", ["trace_id", "tenant_id", "session_id", "model_id", "tool_name"])
def test_an_empty_tag_is_a_missing_tag(tag: str) -> None:
    kind = SpanKind.LLM_CALL if tag == "model_id" else SpanKind.TOOL_CALL
    with pytest.raises(MissingTag):
        Span(**{**WHOLE, tag: ""}, span_kind=kind)


@pytest.mark.parametrize("kind", SpanKind)
def test_a_tag_without_default_cannot_even_be_forgotten(kind: SpanKind) -> None:
    """Case 40: `parent_span_id` may be None, for the root, but it must be said."""
    for tag in ("parent_span_id", "latency_ms", *COMMON[:-1]):
        fewer = {name: value for name, value in WHOLE.items() if name != tag}
        with pytest.raises(TypeError, match=tag):
            Span(**fewer, span_kind=kind)


def test_a_span_without_a_kind_is_refused() -> None:
    with pytest.raises(MissingTag, match="span_kind"):
        Span(**WHOLE, span_kind=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", SpanKind)
def test_zero_is_a_value_and_not_a_missing_tag(kind: SpanKind) -> None:
    span = Span(**WHOLE, span_kind=kind)
    assert span.as_record()["step_index"] == 0


def test_a_record_leaves_out_the_tags_that_its_kind_does_not_have() -> None:
    common = {name: WHOLE[name] for name in WHOLE if name not in (*LLM, *TOOL)}
    span = Span(**common, latency_ms=1.0, result_status="ok", span_kind=SpanKind.AGENT_STEP)
    assert not set(span.as_record()) & ({*LLM, *TOOL} - {"latency_ms", "result_status"})
    assert span.as_record()["span_kind"] == "agent_step"
