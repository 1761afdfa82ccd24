"""What the types of fixes do to a pipeline and to people: waiting, asking for help, undoing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.crash.evidence import actions, until
from tests.flows.configs import QUICK_CHECK, edited_config
from tests.flows.scenes import another, fresh_lab, handle, rows, tools
from tests.observer_process import ObserverProcess

pytestmark = pytest.mark.slow

LINE = "pool exhausted on 7"
KNOWN = """\
errors:
  - id: ke-recovers
    signature: {log_pattern: pool exhausted, node: transformation}
    root_cause: the feed was away
    severity: medium
    fix:
      type: wait_and_verify
      steps:
        - {action: wait, duration: 1s, purpose: it reconnects by itself}
        - {action: verify, check: "error_rate_pct < 1", timeout: 2s, interval: 250ms}
        - {action: escalate_if_failed, message: "The feed is not recovering: call them"}
  - id: ke-undone
    signature: {log_pattern: pool exhausted, node: loading}
    root_cause: a wrong setting
    severity: medium
    fix:
      type: automated
      steps:
        - {action: retry_failed_jobs, args: {max_retries: 1}}
        - {action: verify, check: "error_rate_pct < 1", timeout: 200ms}
      rollback:
        - {action: restart_stage, args: {reason: undo}}
  - id: ke-asked
    signature: {log_pattern: pool exhausted, node: indexing}
    root_cause: a full queue
    severity: medium
    fix:
      type: automated
      steps:
        - {action: clear_queue, args: {reason: full}}
        - {action: verify, check: "error_rate_pct < 1", timeout: 200ms}
        - {action: escalate_if_failed, message: Look at the indexer}
      rollback:
        - {action: retry_failed_jobs, args: {max_retries: 1}}
"""
NOTICES = ["create_incident", "send_slack_alert"]
READS = ["get_recent_errors", "get_stage_metrics"]


@pytest.fixture(scope="module")
def observer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObserverProcess]:
    folder = tmp_path_factory.mktemp("fixes")
    config = edited_config(folder / "config", QUICK_CHECK)
    (config / "known_errors.yaml").write_text(KNOWN)
    env = {
        "OBSERVER__QUEUE__POLLING_INTERVAL": "100ms",
        "OBSERVER__LEARNING__RETIRE_AFTER_FAILURES": "100",
    }
    with ObserverProcess(folder / "var", config=config, env=env) as process:
        yield process


def ill(observer: ObserverProcess, stage: str, **faults: str) -> dict[str, Any]:
    """A stage that has the known error's line and figures; and the event that says so."""
    misbehave = {tool: {"mode": mode} for tool, mode in faults.items()}
    fresh_lab(observer, {"errors": {stage: [LINE]}, "tools": misbehave})
    set_stage(observer, stage, "degraded")
    return another(stage=stage)


def set_stage(observer: ObserverProcess, stage: str, status: str) -> None:
    file = observer.data_dir / "pipeline" / "pipeline_state.json"
    state = json.loads(file.read_text())
    file.write_text(json.dumps({"stages": {**state["stages"], stage: status}}))


def effects(observer: ObserverProcess, session: dict[str, Any]) -> list[str]:
    """What was done to the pipeline for a session: the ends of its idempotency keys."""
    keys = [a["key"] for a in actions(observer.data_dir)]
    mine = [key.split("/", 3)[3] for key in keys if key.split("/")[1] == session["session_id"]]
    return [key for key in mine if not key.startswith("tell/")]


def told(observer: ObserverProcess, session: dict[str, Any]) -> list[str]:
    """Every text that people were given for a session's last outcome."""
    incident = observer.pipeline("incidents")[-1]
    return [incident["description"], observer.pipeline("alerts")[-1]["message"], session["report"]]


def test_what_recovers_by_itself_is_waited_for_and_nothing_is_called(observer) -> None:
    event = ill(observer, "transformation")
    sent = observer.send(event)
    until(lambda: len(tools(observer.session(sent))) >= len(READS), "it has been looked at")
    set_stage(observer, "transformation", "healthy")

    session = observer.wait_for(sent)

    assert session["outcome"] == "resolved"
    assert effects(observer, session) == []
    called = tools(session)
    assert set(called[len(READS) : -len(NOTICES)]) == {"get_stage_metrics"}
    assert called[-len(NOTICES) :] == NOTICES
    assert all("healed and verified (waited 1 s)" in text for text in told(observer, session))


def test_what_does_not_recover_reaches_people_in_the_words_of_the_known_error(observer) -> None:
    event = ill(observer, "transformation")
    started = time.monotonic()

    session = handle(observer, event)

    assert time.monotonic() - started > 3
    assert session["outcome"] == "escalated"
    assert effects(observer, session) == []
    for text in told(observer, session):
        assert "not healed: The feed is not recovering: call them (ke-recovers did not" in text
    counted = rows(
        observer.data_dir / "observer.db",
        "SELECT failures FROM known_error_statistics WHERE known_error = 'ke-recovers'",
    )
    assert counted == [(1,)]


def test_a_fix_that_did_not_hold_is_undone_once_before_the_next_idea(observer) -> None:
    """Case 31."""
    event = ill(observer, "loading", retry_failed_jobs="no_heal", restart_stage="heal_on_second")

    session = handle(observer, event)

    assert session["outcome"] == "resolved"
    assert effects(observer, session) == [
        "remedy/0/ke-undone/0",
        "rollback/0/ke-undone/0",
        "remedy/2/restart_stage/0",
    ]
    assert "Rolled back: ke-undone: rolled back (restart_stage)" in session["report"]
    assert "healed and verified (restart_stage)" in session["report"]


def test_where_nothing_else_helps_people_are_told_that_it_was_rolled_back(observer) -> None:
    """Case 31."""
    event = ill(observer, "loading", retry_failed_jobs="no_heal", restart_stage="no_heal")

    session = handle(observer, event)

    assert session["outcome"] == "escalated"
    assert [key.split("/")[0] for key in effects(observer, session)] == [
        "remedy",
        "rollback",
        "remedy",
    ]
    incident = observer.pipeline("incidents")[-1]["description"]
    assert "Rolled back: ke-undone: rolled back (restart_stage)" in incident


def test_a_fix_that_was_refused_is_not_undone(observer) -> None:
    """Case 92."""
    event = ill(observer, "loading", retry_failed_jobs="refuse")

    session = handle(observer, event)

    assert "rollback" not in {key.split("/")[0] for key in effects(observer, session)}
    assert "Rolled back" not in session["report"]


def test_where_undoing_fails_nothing_further_is_tried_and_people_are_told(observer) -> None:
    """Case 92: ERR with a success around it is a failure, of a rollback too."""
    event = ill(observer, "loading", retry_failed_jobs="no_heal", restart_stage="refuse")

    session = handle(observer, event)

    assert session["outcome"] == "escalated"
    assert tools(session).count("restart_stage") == 1
    for text in told(observer, session):
        assert "undoing it failed: restart_stage: " in text
        assert "ERR stage 'loading' refused to restart" in text


def test_one_word_of_a_person_covers_the_fix_and_its_rollback_and_says_so(observer) -> None:
    event = ill(observer, "indexing", clear_queue="no_heal", retry_failed_jobs="no_heal")
    sent = observer.send(event)
    (asked,) = observer.wait_for(sent, "waiting_approval")["pending"]
    assert [(a["name"], a["description"].split(":")[0]) for a in asked["action_requests"]] == [
        ("clear_queue", "ke-asked"),
        ("retry_failed_jobs", "rollback of ke-asked"),
    ]
    assert effects(observer, {"session_id": sent}) == []

    assert observer.answer(sent, {"type": "approve"}).status_code == 202
    session = observer.wait_for(sent)

    assert session["outcome"] == "escalated"
    assert effects(observer, session) == ["remedy/0/ke-asked/0", "rollback/0/ke-asked/0"]
    for text in told(observer, session):
        assert "Look at the indexer (ke-asked did not heal it" in text
        assert "rolled back (retry_failed_jobs)" in text
