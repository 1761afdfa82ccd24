"""Case 38: after the commit that sets the kill switch, no remedy starts; people are still told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crash.evidence import actions, journal_lines, tally, under_way, until, warnings
from tests.observer_process import WARNING, ObserverProcess

pytestmark = pytest.mark.slow

Make = Callable[..., ObserverProcess]
IMPATIENT = {"OBSERVER__MCP_SERVERS__PIPELINE__TIMEOUT": "2s"}
PATIENT = {"OBSERVER__MCP_SERVERS__PIPELINE__TIMEOUT": "5m"}


def _turn(observer: ObserverProcess, **order: Any) -> dict[str, Any]:
    answer = observer.order("kill-switch", **order)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _cli(observer: ObserverProcess, position: str) -> str:
    command = [sys.executable, "-m", "observer.cli.app", "kill-switch", position]
    done = subprocess.run(
        [*command, "--url", observer.url], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def _file(observer: ObserverProcess) -> Path:
    return observer.data_dir / "KILL_SWITCH"


BY = {
    "http": ("command", _turn, lambda observer: _turn(observer, on=False)),
    "cli": ("command", lambda o: _cli(o, "on"), lambda o: _cli(o, "off")),
    "file": ("file", lambda o: _file(o).write_text(""), lambda o: _file(o).unlink()),
}
"""How it is set: what is named for it, setting it, lifting it."""


def _remedies(observer: ObserverProcess) -> list[str]:
    return [a["key"] for a in actions(observer.data_dir) if "/remedy/" in a["key"]]


@pytest.mark.parametrize("by", BY)
def test_set_in_the_middle_of_a_run_no_remedy_starts_and_people_are_told(
    make_observer: Make, by: str
) -> None:
    """Case 38. The run reads while the switch is set; it outlives a kill; lifted, work goes on."""
    named, set_it, lift_it = BY[by]
    observer = make_observer(env=PATIENT)
    observer.faults({"tools": {"get_recent_errors": {"mode": "hang", "times": 1}}})
    observer.start()
    events = warnings(3, "switched")
    sessions = [observer.send(event) for event in events]
    until((observer.data_dir / "pipeline" / "faults_fired.json").exists, "the first run reads")

    set_it(observer)

    # It reads until somebody ends that, however long it takes to set the switch.
    os.kill(observer.tool_server_pid(), signal.SIGKILL)
    for session in sessions:
        assert observer.wait_for(session)["status"] == "escalated"
        assert "the kill switch is on" in observer.session(session)["report"]
    assert _remedies(observer) == []
    found = tally(observer, sessions)
    assert {(n["incidents"], n["alerts"]) for n in found.values()} == {(1, 1)}

    observer.kill()
    survivor = make_observer().start()
    health = survivor.get("/health")
    assert health["kill_switch"] == ["*"]
    assert health["kill_switch_by"] == {"command": [], "file": []} | {named: ["*"]}
    assert survivor.wait_for(survivor.send(warnings(1, "still")[0]))["status"] == "escalated"
    lift_it(survivor)
    assert survivor.get("/health")["kill_switch"] == []
    assert survivor.wait_for(survivor.send(warnings(1, "lifted")[0]))["status"] == "resolved"
    survivor.terminate()
    lines = [li for li in journal_lines(survivor.data_dir) if li["kind"] == "kill_switch"]
    assert [(line["on"], line["by"]) for line in lines] == [(True, named), (False, named)]


def test_the_answer_says_what_became_of_it_and_what_sets_it(make_observer: Make) -> None:
    observer = make_observer().start()
    alone = {"kill_switch": ["*"], "kill_switch_by": {"command": ["*"], "file": []}}
    assert _turn(observer) == {**alone, "changed": True}
    assert _turn(observer) == {**alone, "changed": False}
    _file(observer).write_text("acme\n")
    assert _cli(observer, "off") == "kill-switch: on for acme (by file)\n"
    _file(observer).unlink()
    off = {"kill_switch": [], "kill_switch_by": {"command": [], "file": []}}
    assert _turn(observer, on=False) == {**off, "changed": False}


@pytest.mark.parametrize("by", ["http", "file"])
def test_a_remedy_whose_call_failed_is_not_tried_again_once_the_switch_is_set(
    make_observer: Make, by: str
) -> None:
    """Case 38. Between the tries of one call lies a commit, too."""
    observer = make_observer(env=IMPATIENT)
    observer.faults({"tools": {"retry_failed_jobs": {"mode": "hang", "times": 1}}})
    observer.start()
    session = observer.send(warnings(1, "tried")[0])
    until(lambda: under_way(observer, "retry_failed_jobs"), "the remedy's call is under way")

    BY[by][1](observer)

    assert observer.wait_for(session)["status"] == "escalated"
    assert _remedies(observer) == []


def test_one_tenants_switch_leaves_the_others_alone(make_observer: Make) -> None:
    observer = make_observer().start()
    assert _turn(observer, tenant_id="acme")["kill_switch"] == ["acme"]
    assert _turn(observer, tenant_id="acme")["changed"] is False

    stopped = {**WARNING, "tenant_id": "acme", "session_id": "theirs"}
    free = {**WARNING, "tenant_id": "initech", "session_id": "ours"}
    for event in (stopped, free):
        observer.send(event)
    observer.wait_until_idle()

    assert observer.get("/sessions/theirs?tenant_id=acme")["status"] == "escalated"
    assert observer.get("/sessions/ours?tenant_id=initech")["status"] == "resolved"


@pytest.mark.parametrize(
    ("order", "field"),
    [({"tenant_id": "a b"}, "tenant_id"), ({"on": "perhaps"}, "on"), ({"of": True}, "of")],
)
def test_an_order_that_cannot_be_read_changes_nothing(
    make_observer: Make, order: dict[str, Any], field: str
) -> None:
    observer = make_observer().start()
    answer = observer.order("kill-switch", **order)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert observer.get("/health")["kill_switch"] == []
