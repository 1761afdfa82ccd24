"""A span by the names that others know: every field, the tree's shape, and nothing made up."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any

import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes

from observer.domain.span import FINAL_RESPONSE, Span, SpanKind
from observer.gateway import otlp
from tests.doubles.otlp_receiver import Received, spans_of
from tests.observer_process import ROOT

TRACE, STEP, CALL = "0af7651916cd43dd8448eb211c80319c", "b" * 32, "c" * 32
COMMON: dict[str, Any] = {
    "trace_id": TRACE,
    "span_id": CALL,
    "parent_span_id": STEP,
    "tenant_id": "acme",
    "session_id": "s-1",
    "step_index": 3,
    "timestamp_ms": 1_795_306_516_043,
    "latency_ms": 12.5,
    "feature": "pipeline_observer",
    "stage": "loading",
    "name": "whatever",
    "result_status": "success",
}
MODEL: dict[str, Any] = {
    "model_id": "openai:gpt-5-mini",
    "model_version": "gpt-5-mini-2025-08-07",
    "prompt_version_hash": "ab12",
    "input_tokens": 900,
    "output_tokens": 80,
    "temperature": 0.0,
    "cost_usd": 0.000385,
    "cost_nano": 385_000,
    "price_table": "genai-prices 0.2.3",
}
TOOL: dict[str, Any] = {
    "tool_name": "restart_stage",
    "tool_version": "1",
    "args_redacted": {"stage": "loading", "token": "[redacted]"},
    "result_summary": "restarted",
    "blast_radius_class": 2,
    "redacted": ["key name"],
}


def sent(kind: SpanKind, **more: Any) -> Received:
    span = Span(**{**COMMON, "span_kind": kind, **more})
    (received,) = spans_of(otlp.encoded([json.loads(json.dumps(span.as_record()))]))
    return received


def test_ids_keep_the_tree_and_times_are_the_spans_own() -> None:
    span = sent(SpanKind.TOOL_CALL, **TOOL)
    assert (span.trace_id, span.span_id, span.parent_id) == (TRACE, CALL[:16], STEP[:16])
    assert span.start_ns == 1_795_306_516_043_000_000
    assert span.end_ns - span.start_ns == 12_500_000
    assert sent(SpanKind.AGENT_STEP, parent_span_id=None).parent_id == ""
    assert span.resource["service.name"] == "pipeline-observer" and span.resource["service.version"]


def test_an_id_that_is_not_hexadecimal_becomes_the_same_number_every_time() -> None:
    odd = [sent(SpanKind.AGENT_STEP, span_id="step-1", trace_id="0" * 32) for _ in range(2)]
    assert odd[0] == odd[1]
    assert len(odd[0].span_id) == 16 and int(odd[0].span_id, 16) and int(odd[0].trace_id, 16)


def test_a_model_call_has_both_vocabularies() -> None:
    span = sent(SpanKind.LLM_CALL, **MODEL)
    assert span.name == "chat openai:gpt-5-mini"
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.response.model": "gpt-5-mini-2025-08-07",
        "gen_ai.usage.input_tokens": 900,
        "gen_ai.usage.output_tokens": 80,
        "gen_ai.conversation.id": "s-1",
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-5-mini-2025-08-07",
        "llm.token_count.prompt": 900,
        "llm.token_count.completion": 80,
        "llm.cost.total": 0.000385,
        "session.id": "s-1",
        "observer.prompt_version_hash": "ab12",
        "observer.cost_usd": 0.000385,
        "observer.cost_nano": 385_000,
    }
    assert expected.items() <= span.attributes.items()


def test_a_tool_call_has_both_vocabularies() -> None:
    span = sent(SpanKind.TOOL_CALL, **TOOL)
    args = json.dumps(TOOL["args_redacted"])
    expected = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "restart_stage",
        "gen_ai.tool.call.arguments": args,
        "openinference.span.kind": "TOOL",
        "tool.name": "restart_stage",
        "input.value": args,
        "output.value": "restarted",
        "observer.args_redacted": args,
        "observer.blast_radius_class": 2,
        "observer.redacted": '["key name"]',
        "observer.tenant_id": "acme",
        "observer.step_index": 3,
        "observer.feature": "pipeline_observer",
        "observer.stage": "loading",
    }
    assert (span.name, span.attributes["observer.name"]) == (
        "execute_tool restart_stage",
        "whatever",
    )
    assert expected.items() <= span.attributes.items()


def test_steps_are_links_of_a_chain_and_the_final_response_is_the_agent() -> None:
    step = sent(SpanKind.AGENT_STEP, name="diagnose").attributes
    final = sent(SpanKind.AGENT_STEP, name=FINAL_RESPONSE, cost_usd=0.01).attributes
    assert step["openinference.span.kind"] == "CHAIN" and "gen_ai.operation.name" not in step
    assert final["openinference.span.kind"] == "AGENT"
    assert (final["gen_ai.operation.name"], final["observer.cost_usd"]) == ("invoke_agent", 0.01)
    # The calls have it already: a backend that adds would count it twice.
    assert not {"llm.cost.total", "llm.token_count.total"} & set(final)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("success", 1),
        ("waiting", 0),
        ("refused", 0),
        ("skipped", 0),
        ("error", 2),
        ("timeout", 2),
        ("interrupted", 2),
        ("unknown", 2),
    ],
)
def test_each_status_has_its_code(ours: str, theirs: int) -> None:
    span = sent(SpanKind.AGENT_STEP, result_status=ours)
    assert (span.status, span.attributes["observer.result_status"]) == (theirs, ours)
    assert span.attributes.get("error.type") == (ours if theirs == 2 else None)


def test_every_field_of_a_span_goes_along() -> None:
    whole = {**MODEL, **TOOL}
    told = sent(SpanKind.LLM_CALL, **whole).attributes
    own = {"trace_id", "span_id", "parent_span_id", "timestamp_ms", "latency_ms"}
    ours = {name.removeprefix("observer.") for name in told if name.startswith("observer.")}
    assert ours == {field.name for field in fields(Span)} - own


def test_every_name_of_the_genai_conventions_is_one_of_theirs() -> None:
    theirs = {v for n, v in vars(gen_ai_attributes).items() if n.isupper()}
    ours = set(re.findall(r'"(gen_ai\.[a-z_.]+)"', (ROOT / "observer/gateway/otlp.py").read_text()))
    assert ours and ours <= theirs


@pytest.mark.parametrize("body", [b"", b"OK", b"\xff\xfe garbage", b"<html>"])
def test_an_answer_that_is_no_protobuf_drops_nothing(body: bytes) -> None:
    assert otlp.turned_down(body)[0] == 0
