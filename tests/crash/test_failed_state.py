"""Case 86: too many failures in a row, and what a person's restart finds."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.crash.evidence import (
    assert_handled_once,
    change,
    rows,
    until,
    warnings,
)
from tests.doubles.http_server import HttpDouble, Reply
from tests.observer_process import ObserverProcess

pytestmark = pytest.mark.slow

Make = Callable[..., ObserverProcess]
BROKEN = {name: {"mode": "error"} for name in ("create_incident", "send_slack_alert")}
DELAYS = {
    "OBSERVER__WORKER__RETRY_DELAYS": '["100ms"]',
    "OBSERVER__WORKER__UNDELIVERED_FOR": "1ms",
}
COUNT = 8


def _failed(make_observer: Make) -> tuple[ObserverProcess, list[str]]:
    observer = make_observer(env=DELAYS)
    observer.faults({"tools": BROKEN})
    observer.start()
    sessions = [observer.send(event) for event in warnings(COUNT, "fail")]
    until(lambda: observer.get("/health")["state"] == "FAILED", "FAILED")
    return observer, sessions


def _resume_the_failed(observer: ObserverProcess, sessions: list[str]) -> int:
    """Everything that is not given up ends by itself; then a person picks up the rest."""
    observer.wait_until_idle()
    given_up = [s for s in sessions if observer.session(s)["status"] == "failed"]
    for session in given_up:
        answer = httpx.post(f"{observer.url}/sessions/{session}/resume", timeout=30)
        assert answer.status_code == 202, answer.text
    observer.wait_until_idle()
    return len(given_up)


def test_failed_says_so_and_a_restart_by_an_operator_goes_on_with_everything_accepted(
    make_observer: Make,
) -> None:
    """Case 86: 503 with Retry-After and an honest /health; POST /control/restart; resume."""
    observer, sessions = _failed(make_observer)

    refused = observer.post(warnings(1, "late")[0])
    health = httpx.get(f"{observer.url}/health", timeout=30)

    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert health.status_code == 503
    assert "failed in a row" in " ".join(health.json()["reasons"])
    assert httpx.get(f"{observer.url}/sessions/late-000", timeout=30).status_code == 404
    assert {observer.session(session)["status"] for session in sessions} <= {"queued", "failed"}
    observer.faults({})

    answer = observer.order("restart")

    assert (answer.status_code, answer.json()["state"]) == (200, "RUNNING")
    _resume_the_failed(observer, sessions)
    assert_handled_once(observer, sessions)
    assert httpx.get(f"{observer.url}/health", timeout=30).status_code == 200


def test_failed_is_told_and_so_is_its_end(make_observer: Make) -> None:
    """Cases 39 and 86: five distinct events fail in a row; the alarm comes by its own channel."""
    with HttpDouble(lambda _: Reply()) as receiver:
        env = {
            **DELAYS,
            "AN_ALARM_WEBHOOK": f"{receiver.url}/alarms",
            "OBSERVER__WATCH__ALARMS__WEBHOOK_URL_ENV": "AN_ALARM_WEBHOOK",
        }
        observer = make_observer(env=env)
        observer.faults({"tools": BROKEN})
        observer.start()
        for event in warnings(COUNT, "told"):
            observer.send(event)

        def told() -> list[str]:
            every = [asked.json for asked in receiver.asked]
            return [alarm["state"] for alarm in every if alarm["kind"] == "failed"]

        until(lambda: told() == ["firing"], "FAILED is told")
        [alarm] = [a.json for a in receiver.asked if a.json["kind"] == "failed"]
        assert "5 events failed in a row" in alarm["text"]
        assert observer.get("/health")["consecutive_failures"] == 5
        observer.faults({})

        # A new process begins as RUNNING: only then is it over, and only once.
        observer.kill()
        make_observer(env=env).start()
        until(lambda: told() == ["firing", "over"], "its end is told")


@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_a_new_process_goes_on_with_everything_accepted(make_observer: Make, how: str) -> None:
    """Case 86: the same by a restart of the process, ended in either way."""
    observer, sessions = _failed(make_observer)
    code = getattr(observer, how)()
    assert how == "kill" or code == 0, observer.log
    observer.faults({})

    survivor = make_observer(env=DELAYS).start()

    _resume_the_failed(survivor, sessions)
    assert_handled_once(survivor, sessions)


def test_killed_between_the_two_commits_of_a_resume_goes_on_all_the_same(
    make_observer: Make,
) -> None:
    """Guarantee 1: the event is alive again in the records, and the queue was not told."""
    first = make_observer(env=DELAYS)
    first.faults({"tools": BROKEN})
    first.start()
    session = first.send(warnings(1, "revived")[0])
    assert first.wait_for(session)["status"] == "failed"
    first.kill()
    first.faults({})
    assert rows(first.data_dir, "SELECT status FROM events") == [("dead",)]
    change(
        first.data_dir,
        "UPDATE events SET status = 'queued', attempts = 0",
        "UPDATE sessions SET status = 'queued'",
    )

    survivor = make_observer().start()

    survivor.wait_for(session, "resolved", limit_s=15)
    assert_handled_once(survivor, [session])
