"""Case 90: what fired resolves itself while a person is asked about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.crash.evidence import count_actions
from tests.observer_process import ObserverProcess
from tests.unit.test_alertmanager_source import alert, delivery

pytestmark = pytest.mark.slow

LABELS = {"alertname": "QueueDepth", "severity": "warning", "stage": "indexing"}


def _deliver(observer: ObserverProcess, **changes: Any) -> dict[str, Any]:
    payload = delivery(alert(labels=LABELS, **changes))
    answer = httpx.post(f"{observer.url}/alerts/alertmanager", json=payload, timeout=30)
    assert answer.status_code == 202, answer.text
    return answer.json()["events"][0]


def test_the_question_is_withdrawn_with_a_note_and_approving_it_is_409(
    make_observer: Callable[..., ObserverProcess],
) -> None:
    observer = make_observer().start()
    fired = _deliver(observer)
    session = fired["session_id"]
    assert _deliver(observer)["duplicate"], "Alertmanager repeats itself"
    asked = observer.wait_for(session, "waiting_approval")["pending"][0]["id"]

    over = _deliver(observer, status="resolved")

    assert (over["session_id"], over["duplicate"]) == (session, False)
    assert observer.wait_for(session)["status"] == "escalated"
    assert "the alert was resolved" in observer.session(session)["report"]
    assert observer.get(f"/approvals/{asked}")["status"] == "withdrawn"
    late = {"approval_id": asked, "decisions": [{"type": "approve"}]}
    answer = httpx.post(f"{observer.url}/sessions/{session}/resume", json=late, timeout=30)
    assert answer.status_code == 409
    assert count_actions(observer.data_dir, "clear_queue") == 0
    assert _deliver(observer, status="resolved")["duplicate"]


def test_what_resolves_without_a_question_is_noted_and_starts_nothing(
    make_observer: Callable[..., ObserverProcess],
) -> None:
    observer = make_observer().start()
    over = _deliver(observer, status="resolved")
    assert observer.session(over["session_id"])["status"] == "acknowledged"
    assert observer.session(over["session_id"])["transitions"] == []
