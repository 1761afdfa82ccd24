"""A span of ours by the names that others know: OpenTelemetry's GenAI and OpenInference's.

Both vocabularies still change; this file is the one place that speaks them. Our own fields go along
under `observer.`, so that nothing is lost to a name that does not exist.
"""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from observer.domain.span import FINAL_RESPONSE
from observer.domain.span import SpanKind as Kind

Record = dict[str, Any]
Attributes = dict[str, str | int | float]

SERVICE = "pipeline-observer"
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_HEX = set(string.hexdigits)
_FAILED = {"error", "timeout", "interrupted", "unknown"}
_NOT_REPEATED = {"trace_id", "span_id", "parent_span_id", "timestamp_ms", "latency_ms"}
"""What the span itself says."""
_PROVIDERS = {"openai", "anthropic", "mistral_ai", "groq", "deepseek", "cohere", "perplexity"}
"""Those that our models.yaml and OpenTelemetry call the same."""


def encoded(records: Sequence[Record]) -> bytes:
    """An ExportTraceServiceRequest with these spans."""
    return encode_spans([_span(record) for record in records]).SerializeToString()


def turned_down(body: bytes) -> tuple[int, str]:
    """How many spans of a request that was taken the receiver dropped all the same, and why."""
    answer = ExportTraceServiceResponse()
    try:
        answer.ParseFromString(body)
    except Exception:
        # It said 2xx; what else it said is not our concern.
        return 0, ""
    partial = answer.partial_success
    return max(0, partial.rejected_spans), partial.error_message


@cache
def _resource() -> Resource:
    return Resource({"service.name": SERVICE, "service.version": version(SERVICE)})


@cache
def _scope() -> InstrumentationScope:
    return InstrumentationScope(SERVICE, version(SERVICE))


def _span(record: Record) -> ReadableSpan:
    parent = record.get("parent_span_id")
    trace = _number(record["trace_id"], 16)
    start_ns = record["timestamp_ms"] * 1_000_000
    return ReadableSpan(
        name=_name(record),
        context=_context(trace, record["span_id"]),
        parent=None if parent is None else _context(trace, parent),
        resource=_resource(),
        attributes=_attributes(record),
        kind=SpanKind.CLIENT if record["span_kind"] == Kind.LLM_CALL else SpanKind.INTERNAL,
        status=_status(record),
        start_time=start_ns,
        end_time=start_ns + round(record["latency_ms"] * 1_000_000),
        instrumentation_scope=_scope(),
    )


def _context(trace: int, span_id: str) -> SpanContext:
    return SpanContext(trace, _number(span_id, 8), is_remote=False, trace_flags=_SAMPLED)


def _number(identity: str, size: int) -> int:
    """The first `size` bytes of one of our ids; of any other text those of its digest."""
    digits = 2 * size
    if len(identity) >= digits and set(identity) <= _HEX and int(identity[:digits], 16):
        return int(identity[:digits], 16)
    return int(hashlib.sha256(identity.encode()).hexdigest()[:digits], 16)


def _name(record: Record) -> str:
    match record["span_kind"]:
        case Kind.LLM_CALL:
            return f"chat {record['model_id']}"
        case Kind.TOOL_CALL:
            return f"execute_tool {record['tool_name']}"
        case _:
            return record["name"]


def _status(record: Record) -> Status:
    if record["result_status"] in _FAILED:
        return Status(StatusCode.ERROR, record.get("result_summary") or record["result_status"])
    return Status(StatusCode.OK if record["result_status"] == "success" else StatusCode.UNSET)


def _attributes(record: Record) -> Attributes:
    told: dict[str, Any] = {
        "gen_ai.conversation.id": record["session_id"],
        "session.id": record["session_id"],
        "openinference.span.kind": _kind(record),
        **_said(record),
        **{f"observer.{n}": _flat(v) for n, v in record.items() if n not in _NOT_REPEATED},
    }
    if record["result_status"] in _FAILED:
        told["error.type"] = record["result_status"]
    match record["span_kind"]:
        case Kind.LLM_CALL:
            told |= _of_model(record)
        case Kind.TOOL_CALL:
            told |= _of_tool(record)
        case Kind.AGENT_STEP if record["name"] == FINAL_RESPONSE:
            told |= {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": SERVICE}
    return {name: value for name, value in told.items() if value is not None}


def _kind(record: Record) -> str:
    match record["span_kind"]:
        case Kind.LLM_CALL:
            return "LLM"
        case Kind.TOOL_CALL:
            return "TOOL"
        case Kind.AGENT_STEP if record["name"] == FINAL_RESPONSE:
            return "AGENT"
        case _:
            return "CHAIN"


def _said(record: Record) -> Record:
    """What went in and came out, as far as the record holds it: redacted, or not at all."""
    args, summary = record.get("args_redacted"), record.get("result_summary")
    told: Record = {} if args is None else {"input.value": _flat(args)}
    if told:
        told["input.mime_type"] = "application/json"
    if summary is not None:
        told |= {"output.value": summary, "output.mime_type": "text/plain"}
    return told


def _of_model(record: Record) -> Record:
    provider = str(record["model_id"]).partition(":")[0]
    return {
        "gen_ai.operation.name": "chat",
        # A name of nobody's list is allowed, and is what models.yaml says.
        "gen_ai.provider.name": provider,
        **({"gen_ai.system": provider} if provider in _PROVIDERS else {}),
        "gen_ai.request.model": str(record["model_id"]).partition(":")[2] or record["model_id"],
        "gen_ai.request.temperature": record["temperature"],
        "gen_ai.response.model": record["model_version"],
        "gen_ai.usage.input_tokens": record["input_tokens"],
        "gen_ai.usage.output_tokens": record["output_tokens"],
        "llm.provider": provider,
        "llm.model_name": record["model_version"],
        "llm.token_count.prompt": record["input_tokens"],
        "llm.token_count.completion": record["output_tokens"],
        "llm.token_count.total": record["input_tokens"] + record["output_tokens"],
        "llm.cost.total": record["cost_usd"],
    }


def _of_tool(record: Record) -> Record:
    return {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": record["tool_name"],
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.arguments": _flat(record["args_redacted"]),
        "gen_ai.tool.call.result": record.get("result_summary"),
        "tool.name": record["tool_name"],
    }


def _flat(value: Any) -> str | int | float:
    return json.dumps(value) if isinstance(value, dict | list) else value
