"""What cannot be handled after its tries is listed with its reason, and stops nobody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.crash.evidence import ONCE, config_with, rows, tally, until, warnings
from tests.observer_process import WARNING, ObserverProcess

pytestmark = pytest.mark.slow

HEALTHY = 10
TRIES = 3
SLOW = {"OBSERVER__WORKER__RETRY_DELAYS": '["1h", "10ms"]'}
CROWD = 70
LATE = {"OBSERVER__CONCURRENCY": "16", "OBSERVER__WORKER__RETRY_DELAYS": '["5m"]'}


@pytest.fixture
def poisoned(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """A daemon whose tool server fails for one event, until the poison is taken away."""
    config = config_with(tmp_path, tools="tests.doubles.poisoned_tools")
    env = {
        "OBSERVER__CONCURRENCY": "1",
        "OBSERVER__WORKER__RETRY_DELAYS": '["10ms"]',
        "OBSERVER__WORKER__UNDELIVERED_FOR": "1ms",
        **getattr(request, "param", {}),
    }
    process = ObserverProcess(tmp_path / "var", config=config, env=env)
    (process.data_dir / "pipeline").mkdir(parents=True)
    (process.data_dir / "pipeline" / "poison").touch()
    with process:
        yield process


def poison(session: str) -> dict[str, Any]:
    """An event whose handling always raises."""
    return {**WARNING, "session_id": session, "event_id": "bad", "message": "job poison-0"}


def dead_letters(observer: ObserverProcess) -> list[dict[str, Any]]:
    return observer.get("/dead-letters")["dead_letters"]


def redeliver(observer: ObserverProcess, letter: str) -> httpx.Response:
    return httpx.post(f"{observer.url}/dead-letters/{letter}/redeliver", timeout=30)


def told_once(observer: ObserverProcess, *messages: str) -> bool:
    """Whether each event has one ticket and one chat message."""
    found = tally(observer, list(messages)).values()
    return all((n["incidents"], n["alerts"]) == (1, 1) for n in found)


@pytest.mark.parametrize("poisoned", [SLOW], indirect=True, ids=["retried in an hour"])
def test_a_poison_event_holds_up_its_own_session_and_no_other(poisoned: ObserverProcess) -> None:
    """Guarantee 9: at concurrency 1, ten others end between two of its tries; then its own go on.

    A new process does not wait for the rest of the hour. Given up, it is listed with its reason;
    redelivered without the poison, it ends well, once.
    """
    poisoned.send(poison("bad-session"))
    after = [
        poisoned.send({**WARNING, "session_id": "bad-session", "message": f"job after-{i}"})
        for i in range(2)
    ]
    assert after == ["bad-session"] * 2
    healthy = [poisoned.send(event) for event in warnings(HEALTHY, "healthy")]
    for session in healthy:
        poisoned.wait_for(session, "resolved")
    status = rows(poisoned.data_dir, "SELECT status FROM events ORDER BY seq LIMIT 3")
    assert status == [("queued",)] * 3, "it still waits for its tries, and the others for it"

    poisoned.kill()
    poisoned.start()
    poisoned.wait_until_idle()

    runs = rows(
        poisoned.data_dir,
        "SELECT events.event_key, runs.status FROM runs JOIN events USING (event_key)"
        " WHERE events.session_id = 'bad-session' ORDER BY runs.started_at",
    )
    keys = [row[0] for row in rows(poisoned.data_dir, "SELECT event_key FROM events ORDER BY seq")]
    assert runs == [(keys[0], "failed")] * TRIES + [(keys[1], "done"), (keys[2], "done")]
    assert tally(poisoned, healthy) == dict.fromkeys(healthy, ONCE)
    assert told_once(poisoned, "after-0", "after-1")
    assert not told_once(poisoned, "poison-0")
    [letter] = dead_letters(poisoned)
    assert (letter["event_id"], letter["session_id"]) == ("bad", "bad-session")
    assert (letter["severity"], letter["attempts"]) == ("WARNING", TRIES)
    assert "poison" in letter["reason"]
    assert letter["accepted_at"] < letter["given_up_at"]
    assert poisoned.get("/dead-letters?tenant_id=other") == {"dead_letters": []}
    assert poisoned.get("/health")["state"] == "RUNNING"

    (poisoned.data_dir / "pipeline" / "poison").unlink()
    answers = [redeliver(poisoned, letter["id"]).status_code for _ in range(2)]
    poisoned.wait_until_idle()

    assert answers == [202, 409]
    assert dead_letters(poisoned) == []
    assert told_once(poisoned, "poison-0")
    assert redeliver(poisoned, letter["id"]).status_code == 409
    assert redeliver(poisoned, "never-heard-of").status_code == 404


def test_a_letter_redelivered_just_before_a_kill_is_handled_by_the_next_process(
    poisoned: ObserverProcess,
) -> None:
    """Guarantee 9: the 202 of a redelivery is as good as that of a delivery."""
    poisoned.send(poison("bad-session"))
    poisoned.wait_for("bad-session", "failed")
    [letter] = dead_letters(poisoned)
    (poisoned.data_dir / "pipeline" / "poison").unlink()

    assert redeliver(poisoned, letter["id"]).status_code == 202
    poisoned.kill()
    poisoned.start()

    poisoned.wait_for("bad-session", "resolved")
    assert told_once(poisoned, "poison-0")
    assert dead_letters(poisoned) == []


@pytest.mark.parametrize("poisoned", [LATE], indirect=True, ids=["retries much later"])
def test_a_crowd_that_waits_for_its_retries_keeps_nobody_out(poisoned: ObserverProcess) -> None:
    """Guarantee 9: as when a channel is down for long; the next event is handled at once."""
    crowd = [{**event, "message": "job poison"} for event in warnings(CROWD, "crowd")]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(poisoned.send, crowd))
    tried = "SELECT count(*) FROM events WHERE status = 'queued' AND attempts = 1"
    until(lambda: rows(poisoned.data_dir, tried) == [(CROWD,)], "all wait for their retry", 60)

    session = poisoned.send(warnings(1, "next")[0])

    poisoned.wait_for(session, "resolved", limit_s=20)
