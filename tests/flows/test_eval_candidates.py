"""Every event that ends leaves one whole eval candidate, and people may judge it later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from observer.cli.app import app
from tests.flows.scenes import fresh_lab, handle, journal_line
from tests.observer_process import APPROVAL, INFO, ROOT, WARNING, ObserverProcess
from tests.stack.part import wait_until

pytestmark = pytest.mark.slow
QUICK = {
    "OBSERVER__QUEUE__POLLING_INTERVAL": "100ms",
    "OBSERVER__WORKER__RETRY_DELAYS": '["50ms"]',
    "OBSERVER__WORKER__UNDELIVERED_FOR": "10ms",
}


@pytest.fixture(scope="module")
def observer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObserverProcess]:
    with ObserverProcess(tmp_path_factory.mktemp("evals") / "var", env=QUICK) as process:
        yield process


def lines(observer: ObserverProcess, session_id: str) -> list[dict[str, Any]]:
    """A session's lines of candidates.jsonl, in order."""
    file = observer.data_dir / "evals" / "candidates.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [row for row in rows if row["session_id"] == session_id]


def drained(observer: ObserverProcess, session_id: str, **wanted: Any) -> dict[str, Any]:
    """The last line, once it says so; no line is there twice."""

    def last() -> dict[str, Any]:
        return (lines(observer, session_id) or [{}])[-1]

    def says() -> bool:
        return bool(last()) and all(last()[name] == value for name, value in wanted.items())

    wait_until(says, f"the last line of {session_id} says {wanted}")
    file = observer.data_dir / "evals" / "candidates.jsonl"
    numbers = [json.loads(line)["row"] for line in file.read_text().splitlines()]
    assert numbers == sorted(set(numbers))
    return last()


def thumb(observer: ObserverProcess, session_id: str) -> Any:
    """What people say of a session, by its last line."""
    return (lines(observer, session_id)[-1]["user_feedback"] or {}).get("feedback")


def judge(observer: ObserverProcess, session_id: str, **given: Any) -> httpx.Response:
    url = f"{observer.url}/sessions/{session_id}/feedback"
    return httpx.post(url, json=given, timeout=30)


def test_the_row_tells_what_came_in_what_was_done_and_what_a_person_changed(
    observer: ObserverProcess,
) -> None:
    fresh_lab(observer)
    labels = {"team": "search"}
    event = {**APPROVAL, "session_id": "edited", "labels": labels, "metrics": {"depth": 8420}}
    observer.wait_for(observer.send(event), "waiting_approval")
    args = {"stage": "indexing", "reason": "agreed"}
    edited = {"type": "edit", "edited_action": {"name": "clear_queue", "args": args}}
    assert observer.answer("edited", edited).status_code == 202
    session = observer.wait_for("edited")

    row = drained(observer, "edited")

    given = {name: row["input"][name] for name in ("message", "stage", "labels", "metrics")}
    assert given == {
        "message": APPROVAL["message"],
        "stage": "indexing",
        "labels": labels,
        "metrics": {"depth": 8420.0},
    }
    assert row["context"]["severity"] == "WARNING"
    assert (row["outcome"], row["final_output"]) == ("resolved", session["report"])
    called = [(t["tool_name"], t["args"], t["result_status"]) for t in session["transitions"]]
    assert [(c["tool"], c["args"], c["status"]) for c in row["tool_calls"]] == called
    cleared = next(c for c in row["tool_calls"] if c["tool"] == "clear_queue")
    assert cleared["purpose"] == "remedy"
    assert cleared["result"]["action"] == "clear_queue"
    (asked,) = row["hitl_override"]["questions"]
    assert row["hitl_override"]["fired"] is True
    assert row["hitl_override"]["decision"] == "edited"
    assert asked["decisions"][0]["edited_action"]["args"] == args
    assert row["trace_ids"] == [run["trace_id"] for run in session["runs"]]
    assert len(row["trace_ids"]) == 2, "one run asked, the other acted"
    assert row["user_feedback"] is None
    assert row["cost_nano"] == 0
    assert row["model_versions"] == ["runbook"]
    assert row["latency_ms"] > 0


def test_a_dead_letter_leaves_a_row_and_its_redelivery_a_later_one(
    observer: ObserverProcess,
) -> None:
    fresh_lab(observer, {"tools": {"send_slack_alert": {"mode": "error"}}})
    handle(observer, {**WARNING, "session_id": "dead"})
    row = drained(observer, "dead")
    assert row["outcome"] == "failed"
    assert row["reason"].startswith("Undelivered: send_slack_alert")
    assert next(c for c in row["tool_calls"] if c["tool"] == "send_slack_alert")["attempts"] > 1
    assert judge(observer, "dead", feedback="down").status_code == 200

    observer.faults({})
    assert httpx.post(f"{observer.url}/sessions/dead/resume", timeout=30).status_code == 202
    observer.wait_for("dead", "resolved")

    later = drained(observer, "dead", outcome="resolved")
    assert later["event_key"] == row["event_key"]
    assert later["user_feedback"]["feedback"] == "down", "what a person said is not lost"


def test_the_latest_word_of_a_person_counts_and_the_journal_keeps_all(
    observer: ObserverProcess,
) -> None:
    fresh_lab(observer)
    handle(observer, {**WARNING, "session_id": "judged"})
    drained(observer, "judged")

    assert judge(observer, "judged", feedback="down", note="too late").status_code == 200
    assert judge(observer, "judged", feedback="up").status_code == 200

    wait_until(lambda: thumb(observer, "judged") == "up", "the last line has the last word")
    row = drained(observer, "judged")
    assert row["user_feedback"]["note"] is None
    assert row["outcome"] == "resolved", "and the rest of the row"
    for said in ("down", "up"):
        journal_line(
            observer,
            "judged",
            lambda line, said=said: line["kind"] == "feedback" and line["feedback"] == said,
        )


def test_nothing_can_be_judged_that_is_unknown_not_ended_or_no_judgement(
    observer: ObserverProcess,
) -> None:
    observer.send({**INFO, "session_id": "noted"})
    assert judge(observer, "nowhere", feedback="up").status_code == 404
    assert judge(observer, "noted", feedback="up").status_code == 409
    assert judge(observer, "noted", feedback="sideways").status_code == 422
    assert lines(observer, "noted") == [], "an INFO is acknowledged without a run"


def test_what_is_said_while_it_is_down_is_a_later_line_after_its_start(
    observer: ObserverProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBSERVER_CONFIG", str(ROOT / "config"))
    monkeypatch.setenv("OBSERVER_DATA_DIR", str(observer.data_dir))
    handle(observer, {**WARNING, "session_id": "offline"})
    drained(observer, "offline")
    observer.kill()
    words = ["feedback", "offline", "up", "--note", "well done", "--url", observer.url]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output

    observer.start()

    wait_until(lambda: thumb(observer, "offline") == "up", "the last line has it")
    assert drained(observer, "offline")["user_feedback"]["note"] == "well done"
