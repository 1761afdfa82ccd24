"""Case 9: a thousand webhooks, ten kills among them."""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.crash.evidence import assert_handled_once, rows
from tests.observer_process import INFO, WARNING, ObserverProcess

pytestmark = pytest.mark.slow

EVENTS = 1000
KILLS = 10
SENDERS = 8
WARNING_EVERY = 40


class Senders:
    """Post every event until it is answered 202, whoever answers."""

    def __init__(self, observer: ObserverProcess) -> None:
        self._observer = observer
        self._client = httpx.Client(timeout=30)
        self._told = threading.Condition()
        self.accepted: list[dict[str, Any]] = []
        self.cut = 0

    def post(self, event: dict[str, Any]) -> None:
        while True:
            answer = self._try(event)
            with self._told:
                if answer is not None:
                    self.accepted.append(answer)
                    self._told.notify_all()
                    return
                self.cut += 1
                # A sender's patience; it ends early when somebody else gets through.
                self._told.wait(0.2)

    def _try(self, event: dict[str, Any]) -> dict[str, Any] | None:
        try:
            answer = self._client.post(f"{self._observer.url}/alerts", json=event)
        except httpx.TransportError:
            return None
        assert answer.status_code == 202, answer.text
        return answer.json()["events"][0]

    def wait_for(self, count: int) -> None:
        with self._told:
            assert self._told.wait_for(lambda: len(self.accepted) >= count, 60)


def _event(number: int) -> dict[str, Any]:
    name = f"hook-{number:04}"
    base = WARNING if number % WARNING_EVERY == 0 else INFO
    return {**base, "event_id": name, "session_id": name, "message": f"job {name}"}


def test_a_thousand_webhooks_during_ten_kills_are_each_processed_once(
    observer: ObserverProcess,
) -> None:
    """Case 9: no 202 is lost; no event, sent again or not, is processed twice."""
    dice = random.Random(9)
    senders = Senders(observer)
    with ThreadPoolExecutor(SENDERS) as threads:
        posts = [threads.submit(senders.post, _event(number)) for number in range(EVENTS)]
        for count in sorted(dice.sample(range(1, EVENTS), KILLS)):
            senders.wait_for(count)
            threading.Event().wait(dice.uniform(0, 0.05))
            observer.kill()
            observer.start()
        for post in posts:
            post.result()
    observer.wait_until_idle()

    stored = Counter(
        session for (session,) in rows(observer.data_dir, "SELECT session_id FROM events")
    )
    assert stored == Counter({answer["session_id"]: 1 for answer in senders.accepted})
    assert len(stored) == EVENTS
    assert senders.cut >= KILLS
    by_status = dict(rows(observer.data_dir, "SELECT status, count(*) FROM sessions GROUP BY 1"))
    working = [f"hook-{number:04}" for number in range(0, EVENTS, WARNING_EVERY)]
    assert by_status == {"acknowledged": EVENTS - len(working), "resolved": len(working)}
    assert_handled_once(observer, working)
    acknowledged = "SELECT count(*) FROM events WHERE status = 'done'"
    assert rows(observer.data_dir, acknowledged) == [(EVENTS,)]
