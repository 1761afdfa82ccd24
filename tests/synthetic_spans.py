"""Spans that no run made, in the table of a real observer.db."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from observer.domain.span import Span, SpanKind
from observer.records.sqlite_file import connect, migrate


def a_span(kind: SpanKind = SpanKind.AGENT_STEP, **tags: Any) -> Span:
    """A whole span of a kind, with these tags."""
    given: dict[str, Any] = {
        "trace_id": "t-1",
        "span_id": "s-1",
        "parent_span_id": None,
        "tenant_id": "acme",
        "session_id": "session-1",
        "step_index": 1,
        "timestamp_ms": 1_800_000_000_000,
        "span_kind": kind,
        "latency_ms": 1.0,
        "feature": "pipeline_observer",
        "stage": "loading",
        "name": str(kind),
        "result_status": "success",
    }
    if kind is SpanKind.LLM_CALL:
        given |= {
            "model_id": "openai:gpt-4o",
            "model_version": "gpt-4o",
            "prompt_version_hash": "abc",
            "input_tokens": 900,
            "output_tokens": 100,
            "temperature": 0.0,
            "cost_usd": tags.get("cost_nano", 0) / 1e9,
            "cost_nano": 0,
        }
    if kind is SpanKind.TOOL_CALL:
        given |= {"tool_name": "restart_stage", "tool_version": "1", "args_redacted": {}}
    return Span(**given | tags)


def records(path: Path | str = ":memory:") -> sqlite3.Connection:
    """An empty observer.db, open for writing."""
    if path == ":memory:":
        connection = sqlite3.connect(path, isolation_level=None)
    else:
        connection = connect(Path(path))
    migrate(connection)
    connection.row_factory = sqlite3.Row
    return connection
