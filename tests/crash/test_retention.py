"""What is old goes, with everything of it; what is unfinished, asked or given up stays."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from observer.domain.event import thread_id
from tests.crash.evidence import config_with, journal_lines, rows, tally, until
from tests.observer_process import APPROVAL, INFO, WARNING, ObserverProcess
from tests.plain_http import NO_TLS

pytestmark = pytest.mark.slow

SOON = {
    "OBSERVER__RETENTION__DAYS": "0.00002",  # 1.7 seconds
    "OBSERVER__RETENTION__INTERVAL": "300ms",
    "OBSERVER__WORKER__RETRY_DELAYS": '["10ms"]',
    "OBSERVER__WORKER__UNDELIVERED_FOR": "1ms",
}
KEYS_TOO = {
    **SOON,
    "OBSERVER__DEDUPE__EVENT_IDS": "4s",
    "OBSERVER__WORKER__RETRY_DELAYS": '["4s"]',
}


def ask(file: Path, query: str, *values: Any) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


def checkpoints(observer: ObserverProcess, session: str) -> int:
    file = observer.data_dir / "checkpoints.db"
    query = "SELECT count(*) FROM checkpoints WHERE thread_id = ?"
    return ask(file, query, thread_id("default", session))[0][0]


def gone(observer: ObserverProcess, session: str) -> bool:
    return (
        httpx.get(f"{observer.url}/sessions/{session}", timeout=30, verify=NO_TLS).status_code
        == 404
    )


@pytest.fixture
def start(tmp_path: Path) -> Any:
    """Daemons, one after the other on one directory, whose tool server may fail for poison."""
    config = config_with(tmp_path, tools="tests.doubles.poisoned_tools")
    started: list[ObserverProcess] = []

    def make(env: dict[str, str]) -> ObserverProcess:
        process = ObserverProcess(tmp_path / "var", config=config, env=env)
        (process.data_dir / "pipeline").mkdir(parents=True, exist_ok=True)
        started.append(process)
        return process.start()

    yield make
    for process in started:
        if process.process is not None and process.process.poll() is None:
            process.kill()


Start = Callable[[dict[str, str]], ObserverProcess]


def test_ended_sessions_go_and_everything_else_stays(start: Start) -> None:
    """Issue 3, retention: nothing left but the key; never a question or a dead letter."""
    observer = start(SOON)
    poison = observer.data_dir / "pipeline" / "poison"
    poison.touch()
    observer.send({**WARNING, "session_id": "bad", "message": "job poison"})
    observer.send({**APPROVAL, "session_id": "asks", "message": "job asks"})
    observer.send({**WARNING, "session_id": "old", "event_id": "old", "message": "job old"})
    observer.send({**INFO, "session_id": "seen", "event_id": "seen"})
    until(lambda: gone(observer, "old") and gone(observer, "seen"), "ended sessions go")

    for table in ("sessions", "runs", "state_transitions", "spans", "approvals"):
        left = rows(observer.data_dir, f"SELECT DISTINCT session_id FROM {table}")
        assert {session for (session,) in left} <= {"bad", "asks"}, table
    keys = rows(observer.data_dir, "SELECT status FROM events WHERE session_id IN ('old', 'seen')")
    assert keys == [("forgotten",)] * 2
    assert (
        rows(observer.data_dir, "SELECT payload FROM events WHERE payload LIKE '%job old%'") == []
    )
    until(lambda: checkpoints(observer, "old") == 0, "its checkpoints go")
    again = observer.post({**WARNING, "session_id": "other", "event_id": "old"}).json()["events"]
    assert again == [{"event_id": "old", "session_id": "old", "duplicate": True}]
    kinds = [line["kind"] for line in journal_lines(observer.data_dir)]
    assert "retention" in kinds
    journalled = {line["session_id"] for line in journal_lines(observer.data_dir)}
    assert {"old", "seen", "asks", "bad"} <= journalled

    poison.unlink()
    [letter] = observer.get("/dead-letters")["dead_letters"]
    assert (letter["session_id"], checkpoints(observer, "bad") > 0) == ("bad", True)
    redelivered = httpx.post(f"{observer.url}/dead-letters/{letter['id']}/redeliver", timeout=30)
    assert redelivered.status_code == 202
    assert observer.answer("asks", {"type": "approve"}).status_code == 202
    until(lambda: gone(observer, "asks") and gone(observer, "bad"), "then these end, and go")
    told = tally(observer, ["poison", "asks", "old"])
    assert {job: (n["incidents"], n["alerts"]) for job, n in told.items()} == {
        "poison": (1, 1),
        "asks": (1, 2),
        "old": (1, 1),
    }


def test_after_the_promised_time_a_delivery_with_the_same_id_is_new(start: Start) -> None:
    """Design 2: for so long an `event_id` is recognised; then queue and records forget it alike."""
    observer = start(KEYS_TOO)
    poison = observer.data_dir / "pipeline" / "poison"
    poison.touch()
    event = {**WARNING, "session_id": "job", "event_id": "again", "message": "job poison"}
    observer.send(event)
    until(lambda: rows(observer.data_dir, "SELECT attempts FROM events") == [(1,)], "it fails")
    poison.unlink()
    until(lambda: rows(observer.data_dir, "SELECT * FROM events") == [], "then ends, and goes")

    # Its item in the queue ended only now, so the queue would recognise it for a while yet.
    assert observer.post(event).json()["events"][0]["duplicate"] is False

    def outcomes() -> list[str]:
        lines = journal_lines(observer.data_dir)
        return [line["outcome"] for line in lines if line["kind"] == "outcome" and line["outcome"]]

    until(lambda: outcomes() == ["resolved"] * 2, "it is handled again")
    until(lambda: rows(observer.data_dir, "SELECT * FROM events") == [], "and goes again")
    items = "SELECT count(*) FROM workflow_status"
    until(lambda: ask(observer.data_dir / "queue.db", items) == [(0,)], "the queue is empty")


def test_checkpoints_of_an_ended_run_shrink_to_the_last_and_the_session_goes_on(
    start: Start,
) -> None:
    """Issue 3, retention: pruned at terminal status; a question keeps all of its own."""
    observer = start({"OBSERVER__RETENTION__INTERVAL": "300ms"})
    observer.send({**APPROVAL, "session_id": "asks", "message": "job asks"})
    observer.wait_for("asks", "waiting_approval")
    for number in range(2):
        event = {**WARNING, "session_id": "goes-on", "message": f"job {number}"}
        observer.send(event)
        until(lambda: checkpoints(observer, "goes-on") > 1, "it runs")
        observer.wait_for("goes-on", "resolved")
        until(lambda: checkpoints(observer, "goes-on") == 1, "the last one is left")
    assert checkpoints(observer, "asks") > 1
    observer.kill()

    survivor = start({"OBSERVER__RETENTION__INTERVAL": "300ms"})
    assert survivor.answer("asks", {"type": "approve"}).status_code == 202

    survivor.wait_for("asks", "resolved")
    told = tally(survivor, ["0", "1", "asks"])
    assert {job: (n["incidents"], n["alerts"]) for job, n in told.items()} == {
        "0": (1, 1),
        "1": (1, 1),
        "asks": (1, 2),
    }
