"""Whoever opens them, and however SQLite was built: what writes our three files is durable."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crash.evidence import warnings
from tests.observer_process import INFO, ROOT, ObserverProcess

pytestmark = pytest.mark.slow


def _connections(report: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    return [line for line in lines if line["changes"]]


def test_every_connection_that_writes_has_a_wal_and_waits_for_the_disk(
    make_observer: Callable[..., ObserverProcess], tmp_path: Path
) -> None:
    """Case 8: our records, LangGraph's checkpoints and the queue of DBOS, in the real daemon."""
    report = tmp_path / "connections.jsonl"
    fast = str(ROOT / "tests" / "doubles" / "fast_sqlite")
    observer = make_observer(env={"PYTHONPATH": fast, "WATCHED_SQLITE": str(report)}).start()
    sessions = [observer.send(event) for event in [INFO, *warnings(2, "durable")]]
    for session in sessions:
        observer.wait_for(session)
    assert observer.terminate() == 0

    writing = _connections(report)

    assert {line["file"] for line in writing} == {"observer.db", "checkpoints.db", "queue.db"}
    assert [
        line for line in writing if (line["journal_mode"], line["synchronous"]) != ("wal", 2)
    ] == []
