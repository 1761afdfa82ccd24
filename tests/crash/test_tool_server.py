"""Case 83: the tool server dies; nothing required is missing and nothing happens twice."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.crash.evidence import (
    ONCE,
    ROUNDS,
    assert_handled_once,
    tally,
    under_way,
    until,
    warnings,
)
from tests.observer_process import ObserverProcess

pytestmark = pytest.mark.slow

Make = Callable[..., ObserverProcess]
WRITES = ("retry_failed_jobs", "create_incident", "send_slack_alert")
READS = ("get_stage_metrics", "get_recent_errors")


@pytest.mark.parametrize("mode", ["die_before", "die_after"])
@pytest.mark.parametrize("tool", [*READS, *WRITES])
def test_a_tool_server_that_dies_in_a_call_costs_no_effect_and_doubles_none(
    shared: ObserverProcess, tool: str, mode: str
) -> None:
    """Case 83: the server is killed before, or after, the effect and before its answer."""
    for number in range(ROUNDS // 2):
        [event] = warnings(1, f"{tool}-{mode}-{number}")
        before = _restarts(shared)
        _strike(shared, {tool: {"mode": mode, "times": 1}})

        session = shared.send(event)

        shared.wait_for(session)
        assert_handled_once(shared, [session])
        assert _restarts(shared) > before


@pytest.mark.parametrize("tool", WRITES)
def test_a_tool_server_killed_while_a_call_hangs_is_replaced_and_the_call_made_once(
    shared: ObserverProcess, tool: str
) -> None:
    """Case 83: hang, then SIGKILL from outside, with the intent in the ledger."""
    for number in range(ROUNDS // 2):
        [event] = warnings(1, f"{tool}-hang-{number}")
        before = _restarts(shared)
        _strike(shared, {tool: {"mode": "hang", "times": 1}})
        session = shared.send(event)
        until(lambda: under_way(shared, tool), f"{tool} is under way")
        fired = shared.data_dir / "pipeline" / "faults_fired.json"
        until(fired.exists, "the call hangs")

        os.kill(shared.tool_server_pid(), signal.SIGKILL)

        shared.wait_for(session)
        assert_handled_once(shared, [session])
        assert _restarts(shared) > before


def test_a_tool_server_killed_between_calls_is_back_for_the_next_event(
    shared: ObserverProcess,
) -> None:
    """Case 83: killed while nothing runs; the next event finds everything in order."""
    for number in range(ROUNDS):
        _strike(shared, {})
        [event] = warnings(1, f"between-{number}")
        before = _restarts(shared)
        os.kill(shared.tool_server_pid(), signal.SIGKILL)

        session = shared.send(event)

        shared.wait_for(session, limit_s=20)
        assert_handled_once(shared, [session])
        made = shared.session(session)["transitions"]
        assert {transition["status"] for transition in made} == {"done"}, "readings included"
        assert _restarts(shared) > before


def test_a_tool_server_killed_at_random_moments_loses_and_doubles_nothing(
    shared: ObserverProcess,
) -> None:
    """Case 83: seeded kills while events are worked on."""
    _strike(shared, {})
    dice = random.Random(83)
    events = warnings(5 * ROUNDS, "anytime")
    sessions = [shared.send(event) for event in events]
    for _ in range(2 * ROUNDS):
        threading.Event().wait(dice.uniform(0.05, 0.9))
        pid = until(lambda: _tool_server(shared), "a tool server")
        os.kill(pid, signal.SIGKILL)
    shared.wait_until_idle()

    # Whose remedy never reached a living server is a case for a person, and says so.
    assert {shared.session(session)["status"] for session in sessions} <= {"resolved", "escalated"}
    _one_of_each(shared, sessions)


def test_what_all_those_deaths_left_behind_is_one_of_each(shared: ObserverProcess) -> None:
    """Case 83: over the whole life of that daemon, one of each for every session it ever had."""
    listed = shared.get("/sessions?limit=1000")["sessions"]
    sessions = [session["session_id"] for session in listed]
    _one_of_each(shared, sessions)


def _one_of_each(observer: ObserverProcess, sessions: list[str]) -> None:
    found = tally(observer, sessions)
    doubled = {s: n for s, n in found.items() if n not in (ONCE, {**ONCE, "remedies": 0})}
    assert doubled == {}
    unhealed = [s for s, n in found.items() if n["remedies"] == 0]
    assert {observer.session(s)["status"] for s in unhealed} <= {"escalated"}


def test_a_tool_server_that_always_dies_never_lets_a_run_end_as_handled(
    make_observer: Make,
) -> None:
    """Case 83: a required effect can't be had: failed, and made good once it can."""
    delays = {
        "OBSERVER__WORKER__RETRY_DELAYS": '["100ms"]',
        "OBSERVER__WORKER__UNDELIVERED_FOR": "1ms",
    }
    observer = make_observer(env=delays)
    observer.faults({"tools": {"create_incident": {"mode": "die_before"}}})
    observer.start()
    [event] = warnings(1, "never")
    session = observer.send(event)
    assert observer.wait_for(session, limit_s=60)["status"] == "failed"
    _strike(observer, {})

    answer = httpx.post(f"{observer.url}/sessions/{session}/resume", timeout=30)
    assert answer.status_code == 202

    observer.wait_for(session, "resolved")
    assert_handled_once(observer, [session])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One daemon that outlives all its tool servers."""
    with ObserverProcess(tmp_path_factory.mktemp("shared") / "var") as process:
        yield process


def _strike(observer: ObserverProcess, tools: dict[str, Any]) -> None:
    (observer.data_dir / "pipeline" / "faults_fired.json").unlink(missing_ok=True)
    observer.faults({"tools": tools})


def _restarts(observer: ObserverProcess) -> int:
    return observer.get("/health")["mcp_servers"]["pipeline"]["restarts"]


def _tool_server(observer: ObserverProcess) -> int | None:
    try:
        return observer.tool_server_pid()
    except (AssertionError, FileNotFoundError, ProcessLookupError):
        return None
