"""Spans that no run made, in the table of a real observer.db."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from observer.domain.span import Span, SpanKind
from observer.records.sqlite_file import connect, migrate

_COLUMNS = (
    "trace_id",
    "span_id",
    "parent_span_id",
    "tenant_id",
    "session_id",
    "step_index",
    "timestamp_ms",
    "span_kind",
    "latency_ms",
    "feature",
    "stage",
    "name",
    "result_status",
    "model_version",
    "prompt_version_hash",
    "tool_name",
    "cost_nano",
)
_INSERT = (
    f"INSERT INTO spans ({', '.join(_COLUMNS)}, record)"
    f" VALUES ({', '.join('?' * (len(_COLUMNS) + 1))})"
)


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


def store(connection: sqlite3.Connection, spans: Iterable[Span]) -> None:
    """Put spans where the observer puts them."""
    connection.executemany(
        _INSERT,
        ((*(getattr(s, name) for name in _COLUMNS), json.dumps(s.as_record())) for s in spans),
    )
