"""What the flow tests say again and again: scripted answers, and questions to the records."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.doubles.openai_server import OpenAIServer, Reply
from tests.observer_process import WARNING, ObserverProcess

NOVEL_LINE = "Worker 7 lost its lease on shard 12"
NOVEL = {"errors": {"transformation": [NOVEL_LINE]}}
"""Faults that give the transformation an error that no known error explains."""

STAGES = ("ingestion", "transformation", "validation", "loading", "indexing")
REMEDIES = ("retry_failed_jobs", "restart_stage", "clear_queue")


def diagnosis(
    remedy: str = "retry_failed_jobs",
    *,
    verdict: str = "proven",
    reading: str = "none",
    cause: str = "a shard lost its lease",
) -> Reply:
    """A model's answer to `diagnose`."""
    return Reply({"root_cause": cause, "verdict": verdict, "remedy": remedy, "reading": reading})


def openai_env(server: OpenAIServer, **more: str) -> dict[str, str]:
    """The environment of a daemon whose models are this server's."""
    return {
        "OBSERVER_MODELS": "openai",
        "OPENAI_API_KEY": "test-key",
        "OPENAI_BASE_URL": server.base_url,
        "OBSERVER__QUEUE__POLLING_INTERVAL": "100ms",
        # The judge is one of this server's models, too: it asks where a test is about it.
        "OBSERVER__MISSION__EVAL_EVERY": "1000000",
        **more,
    }


def fresh_lab(observer: ObserverProcess, faults: dict[str, Any] | None = None) -> None:
    """The lab as on its first day, with these faults."""
    folder = observer.data_dir / "pipeline"
    (folder / "faults_fired.json").unlink(missing_ok=True)
    stages = dict.fromkeys(STAGES, "healthy") | {"transformation": "degraded"}
    (folder / "pipeline_state.json").write_text(json.dumps({"stages": stages}))
    observer.faults(faults or {})


def another(event: dict[str, Any] = WARNING, **changes: Any) -> dict[str, Any]:
    """The event once more, as a new one."""
    return {**event, "event_id": f"e-{time.monotonic_ns()}", **changes}


def handle(observer: ObserverProcess, event: dict[str, Any], limit_s: float = 60) -> dict[str, Any]:
    """Send an event and wait for its end."""
    return observer.wait_for(observer.send(event), limit_s=limit_s)


def tools(session: dict[str, Any]) -> list[str]:
    """The tools that were called for a session, in order."""
    return [row["tool_name"] for row in session["transitions"]]


def spans(observer: ObserverProcess, session_id: str, kind: str | None = None) -> list[Any]:
    """A session's spans, oldest first."""
    records = rows(
        observer.data_dir / "observer.db",
        "SELECT record FROM spans WHERE session_id = ? ORDER BY id",
        session_id,
    )
    found = [json.loads(record) for (record,) in records]
    return [span for span in found if kind in (None, span["span_kind"])]


def rows(database: Path, query: str, *values: Any) -> list[Any]:
    """Rows of one of the observer's databases, read only."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


def journal_line(
    observer: ObserverProcess, session_id: str, wanted: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The first journal line of a session that is wanted; the files follow the database soon."""
    deadline = time.monotonic() + 10
    lines: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        files = sorted((observer.data_dir / "journal").glob("*.jsonl"))
        lines = [json.loads(line) for f in files for line in f.read_text().splitlines()]
        lines = [line for line in lines if line["session_id"] == session_id]
        if found := [line for line in lines if wanted(line)]:
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"no such line among {lines}")


def pages(observer: ObserverProcess) -> list[dict[str, Any]]:
    """Every page so far."""
    return [alert for alert in observer.pipeline("alerts") if alert["type"] == "pagerduty"]
