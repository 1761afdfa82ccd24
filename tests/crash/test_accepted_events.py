"""What was answered 202 is handled exactly once, whatever happens to the process."""

from __future__ import annotations

import itertools
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.crash.evidence import (
    ROUNDS,
    actions,
    assert_handled_once,
    change,
    journal_lines,
    rows,
    tally,
    under_way,
    until,
    warnings,
)
from tests.observer_process import CRITICAL, INFO, WARNING, ObserverProcess

pytestmark = pytest.mark.slow

Make = Callable[..., ObserverProcess]
EVENTS = 20


@pytest.mark.parametrize("how", ["kill", "terminate"])
@pytest.mark.parametrize("number", range(ROUNDS))
def test_twenty_accepted_events_outlive_the_process(
    make_observer: Make, how: str, number: int
) -> None:
    """Case 77: one of the 20 is between its incident and its alert when the process ends."""
    first = make_observer(env={"OBSERVER__WORKER__GRACE": "1s"})
    events = warnings(EVENTS, f"{how}{number}")
    sessions = [event["session_id"] for event in events]
    if number % 2 == 0:
        first.faults({"tools": {"send_slack_alert": {"mode": "hang", "times": 1}}})
    first.start()
    for event in events:
        first.send(event)
    if number % 2 == 0:
        until(lambda: under_way(first, "send_slack_alert"), "the first alert is sent")
        assert len(first.pipeline("incidents")) == 1
        assert first.pipeline("alerts") == []
    else:
        done = random.Random(number).randrange(EVENTS - 5)
        until(lambda: _between(first, done), f"incident without alert after {done} events")
    getattr(first, how)()

    survivor = make_observer().start()
    survivor.wait_until_idle()

    assert_handled_once(survivor, sessions)
    assert len(survivor.pipeline("incidents")) == EVENTS
    assert len(survivor.pipeline("alerts")) == EVENTS


def _between(observer: ObserverProcess, done: int) -> bool:
    incidents = len(observer.pipeline("incidents"))
    return incidents > done and len(observer.pipeline("alerts")) < incidents


def test_killed_at_random_moments_of_a_critical_run_has_each_effect_once(
    make_observer: Make,
) -> None:
    """Cases 1, 3 and 9: new events and kills at seeded moments; each page and restart is one."""
    dice = random.Random(77)
    sessions = [f"random-{i}" for i in range(ROUNDS + 1)]
    for session in sessions:
        observer = make_observer().start()
        event = {**CRITICAL, "session_id": session, "message": f"job {session}"}
        observer.send(event)
        pause = dice.uniform(0, 0.7)
        threading.Event().wait(pause)
        observer.kill()

    survivor = make_observer().start()
    survivor.wait_until_idle()

    assert {s: survivor.session(s)["status"] for s in sessions} == dict.fromkeys(
        sessions, "resolved"
    )
    once = {"incidents": 1, "alerts": 2, "remedies": 1}
    assert tally(survivor, sessions) == dict.fromkeys(sessions, once)


@pytest.mark.parametrize("at_once", [False, True], ids=["in sequence", "at once"])
@pytest.mark.parametrize("named", [True, False], ids=["with event_id", "by body"])
@pytest.mark.parametrize("chosen", [True, False], ids=["own session", "derived session"])
def test_the_same_delivery_five_times_is_one_event(
    same: ObserverProcess, named: bool, at_once: bool, chosen: bool
) -> None:
    """Case 78: one answer is fresh, all name the same event and session, each effect is one."""
    name = f"same-{named:d}{at_once:d}{chosen:d}"
    event = {**WARNING, "message": f"job {name}"}
    if chosen:
        event["session_id"] = name
    if named:
        event["event_id"] = name
    if not named and at_once:
        _wait_for_a_window_with_room()

    answers = _post_five(same, event, at_once)

    assert sorted(answer["duplicate"] for answer in answers) == [False, True, True, True, True]
    assert len({(answer["event_id"], answer["session_id"]) for answer in answers}) == 1
    same.wait_until_idle()
    shown = same.session(answers[0]["session_id"])
    assert shown["status"] == "resolved"
    assert len(shown["events"]) == len(shown["runs"]) == 1
    assert tally(same, [name])[name]["incidents"] == 1
    assert tally(same, [name])[name]["alerts"] == 1


def test_five_deliveries_across_the_edge_of_a_dedupe_window_are_one_event(
    same: ObserverProcess,
) -> None:
    """Case 78: the window's edge falls between deliveries that are processed at the same time."""
    for number in range(ROUNDS):
        event = {**WARNING, "session_id": f"edge-{number}", "message": f"job edge-{number}"}
        time.sleep(2.0 - (time.time() + 0.02) % 2.0)

        answers = _post_five(same, event, at_once=True)

        assert sum(not answer["duplicate"] for answer in answers) == 1, number


@pytest.mark.parametrize("chosen", [True, False], ids=["own session", "derived session"])
def test_the_same_info_five_times_at_once_names_one_session(
    same: ObserverProcess, chosen: bool
) -> None:
    """Case 78, for INFO: a duplicate's answer names the session that exists."""
    event = {**INFO, "event_id": f"info-{chosen}", "message": f"job info-{chosen}"}
    if chosen:
        event["session_id"] = "info-chosen"

    answers = _post_five(same, event, at_once=True)

    assert sorted(answer["duplicate"] for answer in answers) == [False, True, True, True, True]
    assert len({answer["session_id"] for answer in answers}) == 1


@pytest.fixture(scope="module")
def same(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One daemon for all deliveries that repeat, with a short window."""
    env = {"OBSERVER__DEDUPE__WINDOW": "2s"}
    with ObserverProcess(tmp_path_factory.mktemp("same") / "var", env=env) as process:
        yield process


def _wait_for_a_window_with_room() -> None:
    until(lambda: time.time() % 2.0 < 1.0, "the first half of a window")


def _post_five(
    observer: ObserverProcess, event: dict[str, Any], at_once: bool
) -> list[dict[str, Any]]:
    ready = threading.Barrier(5 if at_once else 1)

    def post(_: int) -> dict[str, Any]:
        with httpx.Client(base_url=observer.url, timeout=30) as client:
            client.get("/approvals")
            ready.wait()
            answer = client.post("/alerts", json=event)
        assert answer.status_code == 202, answer.text
        return answer.json()["events"][0]

    with ThreadPoolExecutor(5 if at_once else 1) as threads:
        return list(threads.map(post, range(5)))


def test_killed_between_the_two_commits_of_an_acceptance_and_sent_again_is_handled(
    make_observer: Make,
) -> None:
    """Guarantee 1: the queue has the event, the session row is missing, the sender tries again."""
    first = make_observer()
    first.faults({"tools": {"send_slack_alert": {"mode": "hang", "times": 1}}})
    first.start()
    first.send({**WARNING, "session_id": "busy", "message": "job busy"})
    until(lambda: under_way(first, "send_slack_alert"), "the worker is busy")
    event = {**WARNING, "event_id": "halfway", "message": "job halfway"}
    first.send(event)
    first.kill()
    session = rows(first.data_dir, "SELECT session_id FROM sessions WHERE fingerprint NOT NULL")
    change(
        first.data_dir,
        "DELETE FROM events WHERE payload LIKE '%halfway%'",
        f"DELETE FROM sessions WHERE session_id = '{session[0][0]}'",
    )

    survivor = make_observer().start()
    answer = survivor.post(event).json()["events"][0]

    assert survivor.wait_for(answer["session_id"])["status"] == "resolved"
    assert tally(survivor, ["halfway"])["halfway"]["incidents"] == 1


def test_fifty_warnings_of_one_stage_at_once_never_stop_the_observer(make_observer: Make) -> None:
    """Case 79: 50 sessions at concurrency 4, all resolved, still RUNNING."""
    observer = make_observer(env={"OBSERVER__CONCURRENCY": "4"}).start()
    events = warnings(50, "many")
    with ThreadPoolExecutor(8) as threads:
        sessions = list(threads.map(observer.send, events))
    observer.wait_until_idle()

    assert {observer.session(session)["status"] for session in sessions} == {"resolved"}
    found = tally(observer, sessions)
    assert {(n["incidents"], n["alerts"]) for n in found.values()} == {(1, 1)}
    # Who had to wait for another session's action looks again, and need not act.
    assert {n["remedies"] for n in found.values()} <= {0, 1}
    assert any(n["remedies"] for n in found.values())
    health = observer.get("/health")
    assert (health["state"], health["consecutive_failures"]) == ("RUNNING", 0)


def test_a_flood_of_info_costs_one_line_each_and_a_critical_overtakes_it(
    make_observer: Make,
) -> None:
    """Case 87: at least 1,000 INFO, going on until the CRITICAL of the middle has paged."""
    observer = make_observer().start()
    numbers, over, half = itertools.count(), threading.Event(), threading.Event()
    sent: list[str] = []

    def flood() -> None:
        with httpx.Client(base_url=observer.url, timeout=60) as client:
            while (number := next(numbers)) < 1000 or not over.is_set():
                assert number < 20_000, "the page never overtook the flood"
                session = f"f-{number}"
                event = {**INFO, "message": f"job flood-{number}", "session_id": session}
                answer = client.post("/alerts", json=event)
                assert answer.status_code == 202, answer.text
                sent.append(session)
                if len(sent) >= 500:
                    half.set()

    with ThreadPoolExecutor(8) as threads:
        senders = [threads.submit(flood) for _ in range(8)]
        assert half.wait(60)
        observer.send({**CRITICAL, "session_id": "urgent", "message": "job urgent"})
        until(lambda: "pagerduty" in [a["type"] for a in observer.pipeline("alerts")], "the page")
        over.set()
        for sender in senders:
            sender.result()
    assert observer.wait_for("urgent")["status"] == "resolved"

    assert {action["key"].split("/")[1] for action in actions(observer.data_dir)} == {"urgent"}
    used = "SELECT DISTINCT session_id FROM {}"
    for table in ("state_transitions", "spans", "runs"):
        assert rows(observer.data_dir, used.format(table)) == [("urgent",)], table
    assert observer.terminate() == 0
    lines = [line for line in journal_lines(observer.data_dir) if line["session_id"] != "urgent"]
    of_sessions = [line["session_id"] for line in lines if line["session_id"]]
    assert sorted(of_sessions) == sorted(sent)
    assert {line["kind"] for line in lines if line["session_id"]} == {"event"}


def test_the_records_are_whole_after_a_kill(make_observer: Make) -> None:
    """Guarantee 1: SQLite finds nothing wrong with the three files of a killed daemon."""
    observer = make_observer().start()
    for event in warnings(5, "whole"):
        observer.send(event)
    observer.kill()
    for name in ("queue.db", "observer.db", "checkpoints.db"):
        connection = sqlite3.connect(observer.data_dir / name)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
