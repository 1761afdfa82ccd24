"""Cases 4 and 5: a question outlives the process, and its answer is used exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.crash.evidence import ROUNDS, count_actions, doom, until
from tests.observer_process import APPROVAL, ROOT, ObserverProcess

pytestmark = pytest.mark.slow

Make = Callable[..., ObserverProcess]
APPROVE = {"type": "approve"}


def _ask(observer: ObserverProcess, session: str = "ask") -> str:
    observer.send({**APPROVAL, "session_id": session})
    return _pending(observer, session)


def _pending(observer: ObserverProcess, session: str = "ask") -> str:
    shown = observer.wait_for(session, "waiting_approval")
    assert len(shown["pending"]) == 1
    return shown["pending"][0]["id"]


def _questions(observer: ObserverProcess) -> int:
    return sum("approval needed" in alert["message"] for alert in observer.pipeline("alerts"))


def _cli(
    command: str, approval: str, observer: ObserverProcess
) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "observer.cli.app", command, approval, "--url", observer.url]
    line += ["--data-dir", str(observer.data_dir), "--config", str(ROOT / "config")]
    return subprocess.run(
        line, cwd=ROOT, env=observer.environment(), capture_output=True, text=True, timeout=60
    )


def test_a_question_outlives_kill_9_and_its_answer_counts_once(make_observer: Make) -> None:
    """Cases 4 and 5: same id, asked once, approved once; a second answer is 409."""
    first = make_observer().start()
    asked = _ask(first)
    first.kill()
    survivor = make_observer().start()

    assert _pending(survivor) == asked
    assert _questions(survivor) == 1
    assert count_actions(survivor.data_dir, "clear_queue") == 0
    assert survivor.answer("ask", APPROVE).status_code == 202
    assert survivor.wait_for("ask")["status"] == "resolved"
    assert survivor.answer("ask", APPROVE).status_code == 409
    assert survivor.answer("ask", {"type": "reject"}).status_code == 409
    survivor.kill()
    third = make_observer().start()
    third.wait_until_idle()
    assert count_actions(third.data_dir, "clear_queue") == 1
    assert _questions(third) == 1


def test_two_answers_at_once_are_one(make_observer: Make) -> None:
    """Case 5: one 202 and one 409, whatever they say; one execution."""
    observer = make_observer().start()
    for number in range(ROUNDS * 2):
        session = f"twice-{number}"
        _ask(observer, session)
        ready = threading.Barrier(2)

        def answer(_: int, session: str = session, ready: threading.Barrier = ready) -> int:
            ready.wait()
            return observer.answer(session, APPROVE).status_code

        with ThreadPoolExecutor(2) as threads:
            assert sorted(threads.map(answer, range(2))) == [202, 409]
        assert observer.wait_for(session)["status"] == "resolved"
        assert count_actions(observer.data_dir, "clear_queue") == number + 1


def test_a_rejected_action_is_never_done(make_observer: Make) -> None:
    """Case 5: a person takes over; also after a restart nothing is cleared."""
    first = make_observer().start()
    _ask(first)
    assert first.answer("ask", {"type": "reject", "message": "not today"}).status_code == 202
    first.kill()
    survivor = make_observer().start()

    assert survivor.wait_for("ask")["status"] == "escalated"
    assert survivor.answer("ask", APPROVE).status_code == 409
    survivor.wait_until_idle()
    assert count_actions(survivor.data_dir, "clear_queue") == 0
    assert "not today" in survivor.pipeline("incidents")[0]["description"]


def test_approved_on_the_command_line_while_the_process_is_down(make_observer: Make) -> None:
    """Case 5: the answer waits on disk, is taken up at the start, and can't be given twice."""
    first = make_observer().start()
    asked = _ask(first)
    first.kill()

    answer = _cli("approve", asked, first)
    second = _cli("reject", asked, first)

    assert answer.returncode == 0, answer.stderr
    assert second.returncode == 1, second.stdout
    assert "already answered" in second.stderr
    survivor = make_observer().start()
    assert survivor.wait_for("ask", "resolved")["outcome"] == "resolved"
    assert survivor.answer("ask", APPROVE).status_code == 409
    survivor.wait_until_idle()
    assert count_actions(survivor.data_dir, "clear_queue") == 1
    assert _questions(survivor) == 1


def test_killed_right_after_the_answer_was_accepted_does_it_once(make_observer: Make) -> None:
    """Cases 2 and 5: kill -9 on the 202; the next process carries it out, once."""
    observer = make_observer().start()
    for number in range(ROUNDS):
        session = f"answered-{number}"
        _ask(observer, session)
        assert observer.answer(session, APPROVE).status_code == 202
        observer.kill()
        observer = make_observer().start()

        assert observer.wait_for(session)["status"] == "resolved"
        observer.wait_until_idle()
        assert count_actions(observer.data_dir, "clear_queue") == number + 1
        assert _questions(observer) == number + 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("tool", ["send_slack_alert", "clear_queue"])
def test_killed_around_the_question_or_the_approved_action(
    make_doomed: Make, tool: str, when: str
) -> None:
    """Cases 2 and 4: between question, notification, answer and effect; each is one."""
    first = make_doomed().start()
    if tool == "send_slack_alert":
        doom(first.data_dir, tool, when)
        first.send({**APPROVAL, "session_id": "ask"})
    else:
        _ask(first)
        doom(first.data_dir, tool, when)
        first.answer("ask", APPROVE)
    assert first.process is not None
    first.process.wait(30)
    survivor = make_doomed().start()

    if tool == "send_slack_alert":
        _pending(survivor)
        assert survivor.answer("ask", APPROVE).status_code == 202
    assert survivor.wait_for("ask")["status"] == "resolved"
    survivor.wait_until_idle()
    assert count_actions(survivor.data_dir, "clear_queue") == 1
    assert _questions(survivor) == 1
    assert len(survivor.pipeline("alerts")) == 2
    assert len(survivor.pipeline("incidents")) == 1


@pytest.mark.parametrize("down", [False, True], ids=["running", "down"])
def test_an_overdue_question_is_escalated_and_never_done(make_observer: Make, down: bool) -> None:
    """Case 5: silence is no consent, whether or not the process ran when time was up."""
    env = {"OBSERVER__APPROVALS__DEADLINE": "1s"}
    first = make_observer(env=env).start()
    first.send({**APPROVAL, "session_id": "ask"})
    if down:
        first.wait_for("ask", "waiting_approval")
        first.kill()
        threading.Event().wait(1.0)
        first = make_observer(env=env).start()

    assert first.wait_for("ask", "escalated")["outcome"] == "escalated"
    assert first.answer("ask", APPROVE).status_code == 410
    first.wait_until_idle()
    assert count_actions(first.data_dir, "clear_queue") == 0
    assert len(first.pipeline("incidents")) == 1


def test_an_answer_that_arrives_before_its_question_waits_is_used_once(make_observer: Make) -> None:
    """Case 5: approved in the moment between the row and the interrupt, while Slack hangs."""
    observer = make_observer()
    observer.faults({"tools": {"send_slack_alert": {"mode": "hang", "times": 1}}})
    observer.start()
    observer.send({**APPROVAL, "session_id": "ask"})
    until(lambda: observer.session("ask").get("pending"), "the question is open")

    assert observer.answer("ask", APPROVE).status_code == 202

    os.kill(observer.tool_server_pid(), signal.SIGKILL)
    assert observer.wait_for("ask")["status"] == "resolved"
    observer.wait_until_idle()
    assert count_actions(observer.data_dir, "clear_queue") == 1
    assert _questions(observer) == 1
