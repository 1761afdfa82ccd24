"""autonomy.yaml at work: what waits, what is asked, and what no answer makes happen."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crash.evidence import actions, count_actions, until, warnings
from tests.flows.configs import edited_config
from tests.observer_process import APPROVAL, CRITICAL, ROOT, ObserverProcess

pytestmark = pytest.mark.slow

Make = Callable[..., ObserverProcess]
ANOTHER_PIPELINE = """
  monthly_cost:
    description: What the month has cost so far
    sla: {threshold: 1d, window: ALWAYS}
    depends_on:
      - {node: billing, type: stage, depends_on: [{node: bank, type: external}]}
"""


def edit(stage: str) -> dict[str, Any]:
    """The answer that moves a question's action to another stage."""
    args = {"stage": stage, "reason": "rather there"}
    return {"type": "edit", "edited_action": {"name": "clear_queue", "args": args}}


def test_an_edited_answer_cannot_move_the_action_outside_the_incident(
    make_observer: Make, tmp_path: Path
) -> None:
    """Case 66: refused at the door, and where no door looked, before it is done."""
    config = edited_config(tmp_path / "config", {})
    tree = config / "dependency_tree.yaml"
    tree.write_text(tree.read_text() + ANOTHER_PIPELINE)
    observer = make_observer(config=config).start()
    session = observer.send({**APPROVAL, "session_id": "ask"})
    (asked,) = observer.wait_for(session, "waiting_approval")["pending"]

    for stage, reason in [
        ("billing", "billing is outside this incident"),
        ("bank", "bank is external"),
        ("Indexing", "'Indexing' is no node"),
    ]:
        answer = observer.answer(session, edit(stage))
        assert answer.status_code == 422
        assert reason in answer.json()["detail"]
    assert observer.session(session)["pending"], "the question is still open"

    observer.kill()
    command = [sys.executable, "-m", "observer.cli.app", "edit", asked["id"]]
    command += ["--args", '{"stage": "billing", "reason": "x"}', "--url", observer.url]
    command += ["--data-dir", str(observer.data_dir), "--config", str(config)]
    done = subprocess.run(
        command, cwd=ROOT, env=observer.environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    observer.start()

    shown = observer.wait_for(session, "escalated")
    assert "refused all the same: clear_queue: billing is outside this incident" in shown["report"]
    assert count_actions(observer.data_dir, "clear_queue") == 0


def test_what_was_made_never_while_it_was_asked_is_not_done_though_it_is_approved(
    make_observer: Make, tmp_path: Path
) -> None:
    """Case 67: `never` has no path, not even by a person's answer to an older question."""
    config = edited_config(tmp_path / "config", {})
    observer = make_observer(config=config).start()
    session = observer.send({**APPROVAL, "session_id": "ask"})
    observer.wait_for(session, "waiting_approval")
    observer.kill()
    autonomy = config / "autonomy.yaml"
    text = autonomy.read_text()
    autonomy.write_text(
        text.replace("{level: approve, blast_radius: 4}", "{level: never, blast_radius: 5}")
    )
    observer.start()

    assert observer.answer(session, {"type": "approve"}).status_code == 202

    shown = observer.wait_for(session, "escalated")
    assert "clear_queue always belongs to a person" in shown["report"]
    assert count_actions(observer.data_dir, "clear_queue") == 0


def test_beyond_the_cap_of_a_node_a_person_is_asked_who_may_still_say_yes(
    make_observer: Make, tmp_path: Path
) -> None:
    """Case 32: of many sessions about one node, one acts by itself in the window."""
    row = "retry_failed_jobs: {level: full, blast_radius: 2"
    capped = {row: f"{row}, at_most: {{times: 1, per: 1h}}"}
    observer = make_observer(config=edited_config(tmp_path / "config", {"autonomy.yaml": capped}))
    observer.start()
    first, *others = [observer.send(event) for event in warnings(4, "cap")]

    assert observer.wait_for(first)["status"] == "resolved"
    for session in others:
        (asked,) = observer.wait_for(session, "waiting_approval")["pending"]
        (request,) = asked["action_requests"]
        assert (
            "retry_failed_jobs on transformation: 1 in the last 1:00:00" in (request["description"])
        )
    assert count_actions(observer.data_dir, "retry_failed_jobs") == 1

    yes, no, _ = others
    observer.answer(yes, {"type": "approve"})
    observer.answer(no, {"type": "reject", "message": "look at the cause"})
    assert observer.wait_for(yes)["status"] == "resolved"
    assert observer.wait_for(no)["status"] == "escalated"
    assert count_actions(observer.data_dir, "retry_failed_jobs") == 2


RETRY = "retry_failed_jobs: {level: full, blast_radius: 2"


def patient(folder: Path, delay: str, **edits: dict[str, str]) -> Path:
    """The lab, in which failed jobs are retried only after so long."""
    row = RETRY.replace("full", f"after_delay, delay: {delay}")
    autonomy = {RETRY: row} | edits.pop("autonomy", {})
    files = {f"{name}.yaml": changes for name, changes in edits.items()}
    return edited_config(folder / "config", {"autonomy.yaml": autonomy, **files})


def parked(observer: ObserverProcess, session: str) -> dict[str, Any]:
    """What waits out its patience for a session."""
    (waiting,) = observer.wait_for(session, "waiting_approval")["pending"]
    assert waiting["runs_at"] == waiting["deadline"]
    return waiting


def retries(observer: ObserverProcess) -> int:
    return count_actions(observer.data_dir, "retry_failed_jobs")


def heal(observer: ObserverProcess) -> None:
    """The transformation recovers by itself."""
    path = observer.data_dir / "pipeline" / "pipeline_state.json"
    state = json.loads(path.read_text())
    state["stages"]["transformation"] = "healthy"
    path.write_text(json.dumps(state))


def test_what_runs_after_a_delay_waits_without_a_slot_then_looks_again_and_acts_by_itself(
    make_observer: Make, tmp_path: Path
) -> None:
    """The seed's "after 5 min failure"; and what is over is ruled on again: here a cap stands."""
    config = patient(tmp_path, "4s")
    autonomy = config / "autonomy.yaml"
    autonomy.write_text(autonomy.read_text() + "caps:\n  2: {times: 1, per: 1h}\n")
    observer = make_observer(config=config).start()
    session = observer.send(warnings(1, "patient")[0])
    waiting = parked(observer, session)
    (request,) = waiting["action_requests"]
    assert "runs by itself after 0:00:04 of failure" in request["description"]
    assert observer.get("/approvals")["approvals"] == [waiting]
    assert retries(observer) == 0
    assert not observer.pipeline("alerts")
    urgent = observer.wait_for(observer.send({**CRITICAL, "session_id": "urgent"}))

    shown = observer.wait_for(session)
    assert shown["status"] == "resolved"
    accepted = shown["events"][0]["accepted_at"]
    acted = next(t for t in shown["transitions"] if t["tool_name"] == "retry_failed_jobs")
    assert acted["timestamp"] - accepted >= 4
    assert urgent["transitions"][0]["timestamp"] < acted["timestamp"], "nobody was in the slot"
    assert any("look again" in t["idempotency_key"] for t in shown["transitions"])
    assert retries(observer) == 1
    assert observer.get(f"/approvals/{waiting['id']}")["status"] == "elapsed"

    capped = observer.send(warnings(2, "capped")[1])
    until(lambda: asks(observer, capped), "patience is over, and the cap is reached")
    assert retries(observer) == 1


def asks(observer: ObserverProcess, session: str) -> bool:
    pending = observer.session(session).get("pending") or []
    return any(
        item["runs_at"] is None
        and "actions of blast radius 2: 1 in the last" in item["action_requests"][0]["description"]
        for item in pending
    )


def test_what_heals_while_it_waits_is_left_alone(make_observer: Make, tmp_path: Path) -> None:
    observer = make_observer(config=patient(tmp_path, "4s")).start()
    session = observer.send(warnings(1, "heals")[0])
    parked(observer, session)
    heal(observer)

    shown = observer.wait_for(session)

    assert shown["status"] == "resolved"
    assert "Recovered by itself: nothing was done" in shown["report"]
    assert retries(observer) == 0


def test_a_process_killed_while_something_waits_acts_once_after_its_restart(
    make_observer: Make, tmp_path: Path
) -> None:
    """Case 4, for patience: it outlives the process, also where its time came meanwhile."""
    config = patient(tmp_path, "4s")
    first = make_observer(config=config).start()
    early, late = (first.send(event) for event in warnings(2, "killed"))
    asked = parked(first, early)["id"], parked(first, late)["id"]
    first.kill()
    threading.Event().wait(0.5)
    survivor = make_observer(config=config).start()
    again = [item["id"] for item in survivor.get("/approvals")["approvals"]]
    assert set(again) <= set(asked)

    for session in (early, late):
        assert survivor.wait_for(session)["status"] == "resolved"
    survivor.wait_until_idle()
    keys = [a["key"] for a in actions(survivor.data_dir) if a["action"] == "retry_failed_jobs"]
    assert len(keys) == len(set(keys))
    assert 1 <= len(keys) <= 2


def test_a_person_may_say_yes_or_no_before_the_patience_is_over(
    make_observer: Make, tmp_path: Path
) -> None:
    """And people are told that something waits only where escalation.yaml says so."""
    told = """patience:
  WARNING:
    - tool: send_slack_alert
      args: {channel: "#data-pipeline", message: "WARNING: waits: {{ question }}"}
approval:
"""
    config = patient(tmp_path, "1h", escalation={"approval:\n": told})
    observer = make_observer(config=config).start()
    yes, no, higher = (observer.send(event) for event in warnings(3, "early"))
    for session in (yes, no, higher):
        parked(observer, session)
    alerts = [alert["message"] for alert in observer.pipeline("alerts")]
    assert [m.startswith("WARNING: waits: transformation: job early") for m in alerts] == [True] * 3

    assert observer.answer(yes, {"type": "approve"}).status_code == 202
    assert observer.answer(no, {"type": "reject", "message": "not today"}).status_code == 202
    assert observer.wait_for(yes)["status"] == "resolved"
    assert "not today" in observer.wait_for(no, "escalated")["report"]
    assert retries(observer) == 1

    observer.send({**CRITICAL, "stage": "transformation", "session_id": higher})
    assert observer.wait_for(higher)["status"] == "resolved"
    assert retries(observer) == 1, "the wait was withdrawn, and a failed stage is restarted"
