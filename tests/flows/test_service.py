"""The daemon as a service: its states, its queue's order and bounds, and the demo."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from observer.cli.demo_scenarios import SCENARIOS
from tests.flows.configs import edited_config
from tests.observer_process import APPROVAL, CRITICAL, ROOT, WARNING, ObserverProcess

pytestmark = pytest.mark.slow


def control(observer: ObserverProcess, command: str) -> dict[str, Any]:
    answer = httpx.post(f"{observer.url}/control/{command}", json={}, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()


def journal(observer: ObserverProcess, kind: str) -> list[dict[str, Any]]:
    files = sorted((observer.data_dir / "journal").glob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def started(observer: ObserverProcess, session_id: str) -> float:
    return observer.wait_for(session_id)["runs"][0]["started_at"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_demo_shows_what_it_says(scenario: str) -> None:
    command = [sys.executable, "-m", "observer.cli.app", "demo", "--scenario", scenario]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not ok" not in done.stdout


def test_every_state_of_a_clean_life_is_in_the_journal(observer: ObserverProcess) -> None:
    control(observer, "pause")
    assert observer.get("/health")["state"] == "SUSPENDED"
    control(observer, "unpause")
    assert observer.terminate() == 0
    states = [line["state"] for line in journal(observer, "lifecycle")]
    assert states == ["STARTING", "RUNNING", "SUSPENDED", "RUNNING", "STOPPING", "STOPPED"]


def test_a_paused_observer_keeps_events_and_works_them_off_afterwards(
    observer: ObserverProcess,
) -> None:
    control(observer, "pause")
    session = observer.send(WARNING)
    assert observer.session(session)["status"] == "suspended"
    suspended = observer.get("/sessions?status=suspended")["sessions"]
    assert [row["session_id"] for row in suspended] == [session]
    assert observer.get("/sessions?status=queued")["sessions"] == []
    assert httpx.get(f"{observer.url}/health").status_code == 503
    control(observer, "unpause")
    assert observer.wait_for(session)["status"] == "resolved"


def test_a_paused_tenant_waits_and_the_others_do_not(observer: ObserverProcess) -> None:
    assert observer.order("pause", tenant_id="acme").json()["changed"]
    waiting = observer.send({**CRITICAL, "tenant_id": "acme"})
    worked = observer.send(WARNING)
    assert observer.wait_for(worked)["status"] == "resolved"
    assert observer.session(waiting, tenant="acme")["status"] == "suspended"
    health = observer.get("/health")
    assert health["state"] == "RUNNING"
    assert [(held["tenant_id"], held["cause"]) for held in health["held"]] == [("acme", "person")]
    assert observer.order("unpause", tenant_id="acme").json()["held"] == []
    assert observer.wait_for(waiting, tenant="acme")["status"] == "resolved"


def test_a_paused_observer_is_still_paused_after_a_restart(observer: ObserverProcess) -> None:
    control(observer, "pause")
    session = observer.send(WARNING)
    observer.kill()
    with ObserverProcess(observer.data_dir) as survivor:
        assert survivor.get("/health")["state"] == "SUSPENDED"
        assert survivor.session(session)["status"] == "suspended"
        control(survivor, "unpause")
        assert survivor.wait_for(session)["status"] == "resolved"


def test_a_critical_overtakes_the_warnings_of_other_sessions(observer: ObserverProcess) -> None:
    control(observer, "pause")
    warnings = [observer.send({**WARNING, "session_id": f"w-{i}"}) for i in range(6)]
    critical = observer.send({**CRITICAL, "session_id": "c"})
    observer_starts_all_waiting(observer, 7)
    control(observer, "unpause")
    observer.wait_until_idle()
    first = started(observer, critical)
    assert all(started(observer, session) > first for session in warnings)


def observer_starts_all_waiting(observer: ObserverProcess, number: int) -> None:
    """While paused, the queue hands everything to the gate; wait until it has."""
    queue = sqlite3.connect(f"file:{observer.data_dir / 'queue.db'}?mode=ro", uri=True)
    deadline = time.monotonic() + 20
    pending = "SELECT count(*) FROM workflow_status WHERE status = 'PENDING'"
    while queue.execute(pending).fetchone()[0] < number:
        assert time.monotonic() < deadline, "the queue does not hand its events over"
        time.sleep(0.05)
    queue.close()


def test_the_events_of_one_session_are_handled_in_order(observer: ObserverProcess) -> None:
    control(observer, "pause")
    for i in range(3):
        observer.send(
            {**WARNING, "session_id": "one", "message": f"{i}: it hurts", "event_id": f"{i}"}
        )
    observer.send({**CRITICAL, "session_id": "one", "message": "3: it hurts more"})
    control(observer, "unpause")
    observer.wait_until_idle()
    told = [incident["title"] for incident in observer.pipeline("incidents")]
    assert [title.split(": ")[1] for title in told] == ["0", "1", "2", "3"]
    assert {e["status"] for e in observer.session("one")["events"]} == {"done"}


def test_a_full_inbox_answers_503_but_has_a_reserve_for_critical(
    make_observer: Callable[..., ObserverProcess],
) -> None:
    limits = {"OBSERVER__QUEUE__MAX_PENDING": "2", "OBSERVER__QUEUE__CRITICAL_RESERVE": "1"}
    with make_observer(env=limits) as observer:
        control(observer, "pause")
        kept = [observer.send({**WARNING, "session_id": f"w-{i}"}) for i in range(2)]
        refused = observer.post({**WARNING, "session_id": "w-2"})
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        kept.append(observer.send({**CRITICAL, "session_id": "c"}))
        assert observer.post({**CRITICAL, "session_id": "c-2"}).status_code == 503
        control(observer, "unpause")
        observer.wait_until_idle()
        assert [observer.session(session)["status"] for session in kept] == ["resolved"] * 3
        assert "detail" in observer.session("w-2")


def test_further_events_are_noted_on_a_session_that_waits_for_a_person(
    observer: ObserverProcess,
) -> None:
    session = observer.send({**APPROVAL, "session_id": "waits"})
    asked = observer.wait_for(session, "waiting_approval")["pending"]
    observer.send({**APPROVAL, "session_id": "waits", "event_id": "again"})
    observer.wait_until_idle()
    shown = observer.session(session)
    assert shown["pending"] == asked
    assert [event["status"] for event in shown["events"]] == ["waiting", "joined"]
    assert len(shown["runs"]) == 1


def test_something_worse_withdraws_the_question_and_is_handled_at_once(
    observer: ObserverProcess,
) -> None:
    session = observer.send({**APPROVAL, "session_id": "waits"})
    [asked] = observer.wait_for(session, "waiting_approval")["pending"]
    observer.send({**CRITICAL, "stage": "indexing", "session_id": "waits"})
    shown = observer.wait_for(session, "resolved")
    assert observer.get(f"/approvals/{asked['id']}")["status"] == "withdrawn"
    assert observer.answer(session, {"type": "approve"}).status_code == 409
    done = [row["tool_name"] for row in shown["transitions"]]
    assert "clear_queue" not in done
    assert "page_oncall" in done


def test_an_answer_is_taken_up_before_a_later_event_of_its_session(
    observer: ObserverProcess,
) -> None:
    session = observer.send({**APPROVAL, "session_id": "waits"})
    observer.wait_for(session, "waiting_approval")
    control(observer, "pause")
    observer.send({**CRITICAL, "stage": "indexing", "session_id": "waits"})
    observer_starts_all_waiting(observer, 1)
    assert observer.answer(session, {"type": "approve"}).status_code == 202
    control(observer, "unpause")
    observer.wait_until_idle()
    shown = observer.session(session)
    done = [row["tool_name"] for row in shown["transitions"]]
    assert done.count("clear_queue") == 1
    assert done.index("clear_queue") < done.index("restart_stage")
    assert [event["status"] for event in shown["events"]] == ["done", "done"]


def test_validate_names_file_line_and_key(tmp_path: Path) -> None:
    config = edited_config(
        tmp_path / "config", {"observer.yaml": {"max_pending: 1000": "max_pendign: 1000"}}
    )
    command = [sys.executable, "-m", "observer.cli.app", "validate", "--config", str(config)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "observer.yaml:8: queue.max_pendign: unknown key; did you mean 'max_pending'?" in (
        done.stderr
    )
