"""Alerts of one cause, as Alertmanager sends them, on the real daemon: one session, few runs."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.crash.evidence import actions, rows, until
from tests.flows.configs import edited_config
from tests.flows.test_walk import ill
from tests.observer_process import ObserverProcess
from tests.unit.test_alertmanager_source import alert, delivery

pytestmark = pytest.mark.slow
JOIN = {"OBSERVER__SESSIONS__JOIN": "branch", "OBSERVER__QUEUE__POLLING_INTERVAL": "100ms"}
NODES = ("pipeline_freshness", "loading", "validation", "transformation", "ingestion")
NIGHT = """\
  night_freshness:
    description: Nobody searches on these days
    sla: {{threshold: 60s, window: QUIET}}
    alerts: [NightStale]
    depends_on:
      - ref: indexing
windows:
  QUIET: {{time_zone: UTC, days: [{day}], opens: "00:00", closes: "23:59"}}
"""


def configured(folder: Path) -> Path:
    """The lab, walked down, with one more metric whose window is closed today and tomorrow."""
    config = edited_config(folder, {"runbook.yaml": {"walk: []": "walk: [WARNING]"}})
    day = (datetime.now(UTC) + timedelta(days=3)).strftime("%a").lower()
    with (config / "dependency_tree.yaml").open("a") as tree:
        tree.write(NIGHT.format(day=day))
    return config


@pytest.fixture(scope="module")
def observer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObserverProcess]:
    folder = tmp_path_factory.mktemp("joining")
    with ObserverProcess(folder / "var", config=configured(folder / "config"), env=JOIN) as started:
        yield started


def firing(node: str, fingerprint: str, **changes: Any) -> dict[str, Any]:
    labels = {"alertname": f"Ill{fingerprint}", "severity": "warning", "node": node}
    return alert(labels=labels, fingerprint=fingerprint, **changes)


def deliver(observer: ObserverProcess, *alerts: dict[str, Any]) -> list[dict[str, Any]]:
    url = f"{observer.url}/alerts/alertmanager"
    answer = httpx.post(url, json=delivery(*alerts), timeout=60)
    assert answer.status_code == 202, answer.text
    return answer.json()["events"]


def flood(name: str, groups: int, size: int) -> list[list[dict[str, Any]]]:
    """Groups of alerts that go round a promise and four stages, which stand on each other."""
    numbers = range(groups * size)
    alerts = [firing(NODES[n % len(NODES)], f"{name}{n}") for n in numbers]
    return [alerts[i : i + size] for i in range(0, len(alerts), size)]


def assert_accounted(observer: ObserverProcess, accepted: set[str]) -> Counter[str]:
    """Each accepted event is handled, or noted with one whose run began after it came."""
    found = rows(
        observer.data_dir,
        "SELECT json_extract(payload, '$.event_id'), event_key, status, joined_to, accepted_at"
        " FROM events",
    )
    began = dict(
        rows(
            observer.data_dir,
            "SELECT event_key, max(started_at) FROM runs WHERE status = 'done' GROUP BY event_key",
        )
    )
    mine = [row for row in found if row[0] in accepted]
    assert {row[0] for row in mine} == accepted
    for event_id, key, status, joined_to, accepted_at in mine:
        assert status in ("done", "joined"), event_id
        assert (joined_to is not None) == (status == "joined")
        assert began[joined_to or key] > accepted_at, event_id
    return Counter(row[2] for row in mine)


def test_500_alerts_of_one_cause_over_five_nodes_are_one_session_and_few_runs(
    observer: ObserverProcess,
) -> None:
    """Case 32."""
    ill(observer, "transformation")
    observer.order("pause")
    accepted: list[dict[str, Any]] = []
    with ThreadPoolExecutor(4) as senders:
        for events in senders.map(lambda g: deliver(observer, *g), flood("f", 10, 50)):
            accepted += events
    observer.order("unpause")

    (session_id,) = {event["session_id"] for event in accepted}
    session = observer.wait_for(session_id, limit_s=120)
    observer.wait_until_idle()
    became = assert_accounted(observer, {event["event_id"] for event in accepted})
    assert became.total() == len(session["events"]) == 500
    assert (became["done"], became["joined"]) == (5, 495)
    assert [bool(run["report"]) for run in session["runs"]] == [True] * 5
    remedies = [a for a in actions(observer.data_dir) if f"/{session_id}/" in a["key"]]
    assert 1 <= sum("/remedy/" in action["key"] for action in remedies) <= 5


def test_three_related_alerts_and_their_ends_are_one_session_where_each_end_is_noted(
    observer: ObserverProcess,
) -> None:
    """Case 89."""
    alerts = [firing(node, f"r-{node}") for node in ("pipeline_freshness", "loading", "ingestion")]
    sent = [deliver(observer, one)[0] for one in alerts]
    sent += [deliver(observer, {**one, "status": "resolved"})[0] for one in alerts]

    (session_id,) = {event["session_id"] for event in sent}
    observer.wait_for(session_id)
    events = observer.session(session_id)["events"]
    assert [e["resolved_at"] is not None for e in events] == [True] * 3 + [False] * 3
    assert {e["reason"] for e in events[3:]} == {"noted: the alert was resolved"}


def test_what_joins_while_a_question_is_open_is_noted_on_it_until_the_last_end_withdraws_it(
    observer: ObserverProcess,
) -> None:
    """Case 90: a question is about every alert that was noted on it."""
    ill(observer)
    asks, beside = firing("indexing", "q-asks"), firing("loading", "q-beside")
    (asked,) = deliver(observer, asks)
    session_id = asked["session_id"]
    (question,) = observer.wait_for(session_id, "waiting_approval")["pending"]
    (noted,) = deliver(observer, beside)
    assert noted["session_id"] == session_id
    note = f"noted on approval {question['id']}"
    until(lambda: observer.session(session_id)["events"][1]["reason"] == note, "it is noted")

    deliver(observer, {**asks, "status": "resolved"})
    assert observer.session(session_id)["status"] == "waiting_approval"
    deliver(observer, {**beside, "status": "resolved"})

    assert observer.wait_for(session_id)["outcome"] == "escalated"
    assert observer.get(f"/approvals/{question['id']}")["status"] == "withdrawn"


def test_a_page_about_a_promise_outside_its_window_is_acknowledged_with_the_reason(
    observer: ObserverProcess,
) -> None:
    labels = {"alertname": "NightStale", "severity": "critical"}
    (event,) = deliver(observer, alert(labels=labels, fingerprint="night"))

    session = observer.session(event["session_id"])
    assert (session["status"], session["severity"]) == ("acknowledged", "INFO")
    assert session["stage"] == "night_freshness"
    assert (session["runs"], session["transitions"]) == ([], [])
    because = "acknowledged: outside QUIET: a breach does not count now"
    assert [e["reason"] for e in session["events"]] == [because]


def test_no_alert_is_lost_when_the_daemon_is_killed_amid_the_flood(tmp_path: Path) -> None:
    """Cases 9 and 32: what was joined before the kill is looked into after it."""
    config = configured(tmp_path / "config")
    with ObserverProcess(tmp_path / "var", config=config, env=JOIN) as observer:
        accepted: dict[str, str] = {}
        half = threading.Event()

        def insist(group: list[dict[str, Any]]) -> None:
            """As Alertmanager does: the same delivery until it is answered."""
            for _ in range(600):
                try:
                    events = deliver(observer, *group)
                except (httpx.HTTPError, AssertionError):
                    time.sleep(0.2)
                    continue
                accepted.update({e["event_id"]: e["session_id"] for e in events})
                if len(accepted) >= 60:
                    half.set()
                return
            raise AssertionError("never accepted")

        with ThreadPoolExecutor(4) as senders:
            sent = [senders.submit(insist, group) for group in flood("k", 20, 10)]
            assert half.wait(60)
            observer.kill()
            observer.start()
            for each in sent:
                each.result(60)
        observer.wait_until_idle()

        assert len(accepted) == 200
        became = assert_accounted(observer, set(accepted))
        assert became["joined"] > 100
        assert len(set(accepted.values())) <= 3
        keys = [json.dumps(a["key"]) for a in actions(observer.data_dir)]
        assert len(keys) == len(set(keys))
