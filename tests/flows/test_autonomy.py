"""autonomy.yaml at work: what waits, what is asked, and what no answer makes happen."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crash.evidence import count_actions, warnings
from tests.flows.configs import edited_config
from tests.observer_process import APPROVAL, ROOT, ObserverProcess

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
