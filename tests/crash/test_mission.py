"""Kill -9 around the mission: a verdict every so many runs, each once; no time is made up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from observer.domain.uptime import common, length
from tests.crash.evidence import until, warnings
from tests.doubles.openai_server import Hang, OpenAIServer, Reply
from tests.flows.configs import edited_config
from tests.flows.scenes import another, openai_env, rows
from tests.flows.test_mission_judge import JUDGED, SMALL
from tests.observer_process import CRITICAL, WARNING, ObserverProcess

pytestmark = pytest.mark.slow

Make = Callable[..., ObserverProcess]
EVERY_SECOND = {"OBSERVER__MISSION__EVAL_EVERY": "2"}
ANSWER = Reply({"verdict": "on_track", "advice": "go on", "reasons": []})


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as started:
        yield started


def verdicts(observer: ObserverProcess) -> list[tuple[int, bool]]:
    """Each verdict with whether it was given, from the records."""
    found = rows(
        observer.data_dir / "observer.db",
        "SELECT runs, judged_at IS NOT NULL FROM mission_verdicts ORDER BY runs",
    )
    return [(runs, bool(given)) for runs, given in found]


def mission_lines(observer: ObserverProcess) -> list[dict[str, Any]]:
    files = sorted((observer.data_dir / "journal").glob("*.jsonl"))
    lines = [json.loads(line) for f in files for line in f.read_text().splitlines()]
    return [line for line in lines if line["kind"] == "mission"]


def test_killed_between_the_last_run_and_its_verdict_the_snapshot_is_judged_once(
    make_observer: Make, server: OpenAIServer, tmp_path: Path
) -> None:
    """Case 85: the judge is asked, and the process dies while it thinks."""
    config = edited_config(tmp_path / "config", {"models.yaml": {"profiles:\n": JUDGED}})
    env = {**openai_env(server), **EVERY_SECOND, "OBSERVER_MODELS": "judged"}
    server.always(SMALL, Hang())
    doomed = make_observer(config=config, env=env).start()
    for event in warnings(2, "judged"):
        assert doomed.wait_for(doomed.send(event))["status"] == "resolved"
    until(lambda: server.requests, "the judge was asked")
    (before,) = rows(doomed.data_dir / "observer.db", "SELECT snapshot FROM mission_verdicts")
    doomed.kill()
    assert verdicts(doomed) == [(2, False)]

    server.always(SMALL, ANSWER)
    survivor = make_observer(config=config, env=env).start()
    latest = until(lambda: survivor.get("/mission")["latest"], "the verdict")

    assert (latest["runs"], latest["advice"]) == (2, "go on")
    assert latest["snapshot"] == json.loads(before[0])
    assert survivor.terminate() == 0
    assert verdicts(survivor) == [(2, True)]
    assert [line["runs"] for line in mission_lines(survivor)] == [2]


def test_killed_again_and_again_every_second_run_has_its_verdict_and_none_has_two(
    make_observer: Make,
) -> None:
    """Several runs side by side; the count is part of each run's end."""
    env = {**EVERY_SECOND, "OBSERVER__CONCURRENCY": "3"}
    observer = make_observer(env=env).start()
    sessions = [observer.send(event) for event in warnings(8, "counted")]
    for ended in (1, 4):
        until(partial(ended_so_far, observer, ended), f"{ended} runs have ended")
        observer.kill()
        observer = make_observer(env=env).start()
    for session in sessions:
        assert observer.wait_for(session)["status"] == "resolved"

    wanted = [(runs, True) for runs in (2, 4, 6, 8)]
    until(lambda: verdicts(observer) == wanted, "every verdict was given")
    assert observer.terminate() == 0
    assert [line["runs"] for line in mission_lines(observer)] == [2, 4, 6, 8]
    (found,) = rows(observer.data_dir / "observer.db", "SELECT count(*) FROM failures")
    assert found == (8,)


def ended_so_far(observer: ObserverProcess, number: int) -> bool:
    found = rows(observer.data_dir / "observer.db", "SELECT 1 FROM runs WHERE status = 'done'")
    return len(found) >= number


def test_an_outage_that_a_person_has_outlives_a_kill_and_ends_when_its_stage_is_seen_healthy(
    make_observer: Make,
) -> None:
    """What was down while nobody watched is not down time, and not up time either."""
    observer = make_observer().start()
    observer.order("kill-switch", on=True)
    assert observer.wait_for(observer.send(CRITICAL))["status"] == "escalated"
    first = observer.get("/mission")["now"]
    assert [one["severity"] for one in first["open_incidents"]] == ["CRITICAL"]
    assert first["uptime"]["unhealthy_s"] > 0
    observer.kill()

    survivor = make_observer().start()
    survivor.order("kill-switch", on=False)
    assert survivor.get("/mission")["now"]["open_count"] == 1
    assert survivor.wait_for(survivor.send(another(CRITICAL)))["status"] == "resolved"

    now = survivor.get("/mission")["now"]
    assert (now["open_count"], now["healed"], now["real"]) == (0, 1, 2)
    found = rows(
        survivor.data_dir / "observer.db", "SELECT began_at, ended_at FROM failures ORDER BY 1"
    )
    (began, ended), (_, healed) = found
    assert ended == healed
    stretches = rows(
        survivor.data_dir / "observer.db", "SELECT began_at, until FROM watched ORDER BY 1"
    )
    assert len(stretches) == 2
    assert stretches[0][1] < stretches[1][0]
    # The last row is of the last pulse: since then it has been watched until this moment.
    watched = [stretches[0], (stretches[1][0], now["taken_at"])]
    down = length(common(watched, [(began, ended)]))
    assert now["uptime"]["unhealthy_s"] == pytest.approx(down)
    assert down < ended - began


def test_a_warning_is_no_down_time_and_a_critical_is_as_long_as_it_was_ill(
    make_observer: Make,
) -> None:
    observer = make_observer().start()
    assert observer.wait_for(observer.send(WARNING))["status"] == "resolved"
    assert observer.get("/mission")["now"]["uptime"]["percent"] in (None, 100.0)
    assert observer.wait_for(observer.send(CRITICAL))["status"] == "resolved"
    assert observer.terminate() == 0
    ((began, ended),) = rows(
        observer.data_dir / "observer.db",
        "SELECT began_at, ended_at FROM failures WHERE severity = 'CRITICAL'",
    )
    ((accepted,),) = rows(
        observer.data_dir / "observer.db",
        "SELECT accepted_at FROM events WHERE json_extract(payload, '$.severity') = 'CRITICAL'",
    )
    ((seen,),) = rows(
        observer.data_dir / "observer.db",
        "SELECT max(timestamp) FROM state_transitions"
        " WHERE idempotency_key LIKE '%/verify/%' AND args LIKE '%loading%'",
    )
    assert (began, ended) == (accepted, seen)
