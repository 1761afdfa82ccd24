"""Schedules, files and outcomes on the real daemon, killed in between: each event once."""

from __future__ import annotations

import json
import os
import socket
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.crash.evidence import until
from tests.flows.test_closed_loop import WELL, Pipeline
from tests.observer_process import WARNING, ObserverProcess

pytestmark = pytest.mark.slow
NOTED = {"severity": "INFO", "stage": "loading"}


def daemon(folder: Path, *, config: Path | None = None, **triggers: Any) -> ObserverProcess:
    env = {f"OBSERVER__TRIGGERS__{kind.upper()}": json.dumps(t) for kind, t in triggers.items()}
    return ObserverProcess(folder / "var", env=env, config=config)


def journal(observer: ObserverProcess, kind: str = "event") -> list[dict[str, Any]]:
    files = sorted((observer.data_dir / "journal").glob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def raised_by(observer: ObserverProcess, name: str) -> list[dict[str, Any]]:
    return [line for line in journal(observer) if line["event_id"].startswith(f"{name}-")]


def messages(observer: ObserverProcess, name: str) -> list[str]:
    return [line["message"] for line in raised_by(observer, name)]


def test_every_tick_is_one_event_over_two_kills(tmp_path: Path) -> None:
    """Case 9, for ticks."""
    event = {**NOTED, "message": "{{ tick }}"}
    observer = daemon(
        tmp_path,
        cron=[{"name": "tick", "schedule": "*/2 * * * * *", "missed": "all", "event": event}],
    )
    with observer:
        for _ in range(2):
            seen = len(raised_by(observer, "tick"))
            until(lambda seen=seen: len(raised_by(observer, "tick")) > seen + 1, "it ticks")
            observer.kill()
            observer.start()
        (facts,) = observer.get("/health")["triggers"]["cron"]
        assert facts["name"] == "tick"
        assert datetime.fromisoformat(facts["next_tick"])
        assert observer.terminate() == 0
    ticks = [datetime.fromisoformat(message) for message in messages(observer, "tick")]
    assert ticks == [ticks[0] + timedelta(seconds=2 * i) for i in range(len(ticks))]


def test_a_health_check_on_schedule_closes_a_healthy_node_as_recovered(tmp_path: Path) -> None:
    """Seed 000's `*/30 * * * * *`, where readings are acted upon: nothing is done, nobody told."""
    pipeline = Pipeline(tmp_path)
    event = {"severity": "WARNING", "stage": "consumer", "message": "Health check of {{ tick }}"}
    pipeline.observer = daemon(
        tmp_path,
        config=tmp_path / "config",
        cron=[{"name": "health-check", "schedule": "*/5 * * * * *", "event": event}],
    )
    with pipeline.prometheus, socket.create_server(("127.0.0.1", pipeline.feed_port)):
        pipeline.is_like(WELL, healed=None)
        with pipeline.observer as observer:
            until(lambda: journal(observer, "outcome"), "a run has ended")
            assert {line["outcome"] for line in journal(observer, "outcome")} == {"resolved"}
            assert pipeline.told() == 0


def test_each_matching_line_is_one_event_over_rotation_truncation_and_kills(
    tmp_path: Path,
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    log = logs / "app.log"
    log.write_text("ERROR from before\n")
    written: list[str] = []
    observer = daemon(
        tmp_path,
        files=[
            {
                "name": "log",
                "path": f"{logs}/*.log",
                "pattern": "ERROR (?P<what>.*)",
                "event": {**NOTED, "message": "{{ what }}"},
            }
        ],
    )

    def append(number: int, path: Path = log) -> None:
        with path.open("a") as file:
            for _ in range(number):
                written.append(f"number {len(written)}")
                file.write(f"INFO nothing\nERROR {written[-1]}\n")

    def all_seen() -> bool:
        return len(raised_by(observer, "log")) >= len(written)

    with observer:
        until(lambda: observer.get("/health")["triggers"]["files"][0]["files"], "it has looked")
        append(3)
        until(all_seen, "the appended lines")
        append(40)
        observer.kill()
        append(5)
        log.rename(logs / "app.log.1")
        append(5)
        observer.start()
        append(2, logs / "app.log.1")
        until(all_seen, "what came while it was down, in both files")
        os.truncate(log, 0)
        append(1)
        until(all_seen, "the line after the truncation")
        append(20)
        time.sleep(0.2)  # somewhere in the middle of them
        observer.kill()
        observer.start()
        append(1, logs / "later.log")
        until(all_seen, "everything")
        assert observer.terminate() == 0
    assert Counter(messages(observer, "log")) == Counter(written)


def test_a_changed_file_is_one_event(tmp_path: Path) -> None:
    watched = tmp_path / "settings.conf"
    watched.write_text("a")
    change = {**NOTED, "message": "{{ path }} {{ change }}"}
    observer = daemon(
        tmp_path,
        files=[{"name": "conf", "path": str(watched), "mode": "changes", "event": change}],
    )
    with observer:
        until(lambda: observer.get("/health")["triggers"]["files"][0]["files"], "it has looked")
        watched.write_text("b")
        until(lambda: messages(observer, "conf"), "the change")
        observer.kill()
        watched.write_text("c")
        observer.start()
        until(lambda: len(messages(observer, "conf")) > 1, "the change while it was down")
    assert messages(observer, "conf") == [f"{watched} changed"] * 2


def test_a_chain_of_outcomes_goes_on_after_kills_and_ends_at_its_depth(tmp_path: Path) -> None:
    observer = daemon(
        tmp_path,
        outcomes=[
            {
                "name": "again",
                "when": {"outcome": ["resolved", "escalated"]},
                "event": {"severity": "WARNING", "message": WARNING["message"]},
                "max_depth": 4,
            }
        ],
    )
    with observer:
        observer.send({**WARNING, "event_id": "first", "depth": -50, "labels": {"depth": "-50"}})
        for length in (1, 3):
            ended = length
            until(lambda n=ended: len(journal(observer, "outcome")) >= n, "a run has ended")
            observer.kill()
            observer.start()
        (end,) = until(lambda: journal(observer, "trigger"), "the chain's end", limit_s=90.0)
        observer.wait_until_idle()
    assert (end["trigger"], end["depth"]) == ("again", 4)
    accepted = [line for line in raised_by(observer, "again") if line["decision"] == "accepted"]
    assert len({line["event_id"] for line in accepted}) == len(accepted) == 4
    assert len(observer.pipeline("incidents")) == 5


def test_a_caller_can_neither_be_a_trigger_nor_name_its_source(tmp_path: Path) -> None:
    with daemon(tmp_path) as observer:
        for source in ("cron", "file", "observer"):
            answer = httpx.post(f"{observer.url}/alerts/{source}", json=WARNING, timeout=30)
            assert answer.status_code == 404
        assert observer.get("/health")["triggers"] == {}
