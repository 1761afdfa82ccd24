"""The daemon is watched: what is wrong with it is told by its own channel, also when it is ill."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.crash.evidence import until
from tests.doubles.http_server import Asked, HttpDouble, Reply
from tests.observer_process import WARNING, ObserverProcess
from tests.plain_http import NO_TLS

pytestmark = pytest.mark.slow

QUICK = {"OBSERVER__WATCH__HEARTBEAT": "200ms"}


class Receiver:
    """Who is told of alarms, and who is called while all is well."""

    def __init__(self) -> None:
        self.status = 200
        self.server = HttpDouble(self._answer)

    def _answer(self, asked: Asked) -> Reply:
        return Reply(self.status if asked.path == "/alarms" else 200)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **QUICK,
            "AN_ALARM_WEBHOOK": f"{self.server.url}/alarms",
            "OBSERVER__WATCH__ALARMS__WEBHOOK_URL_ENV": "AN_ALARM_WEBHOOK",
            "A_DEAD_MAN": f"{self.server.url}/ping",
            "OBSERVER__WATCH__DEAD_MAN": '{"url_env": "A_DEAD_MAN", "every": "200ms"}',
        }

    def alarms(self, kind: str | None = None) -> list[dict[str, Any]]:
        every = [asked.json for asked in self.server.asked if asked.path == "/alarms"]
        return [alarm for alarm in every if kind in (None, alarm["kind"])]

    def states(self, kind: str) -> list[str]:
        return [alarm["state"] for alarm in self.alarms(kind)]

    def pings(self) -> int:
        return sum(asked.path == "/ping" for asked in self.server.asked)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with receiver.server:
        yield receiver


def beat_at(observer: ObserverProcess) -> float:
    return json.loads((observer.data_dir / "heartbeat").read_text())["time"]


def called_within(receiver: Receiver, seconds: float) -> bool:
    before = receiver.pings()
    time.sleep(seconds)
    return receiver.pings() > before


def test_a_pause_is_told_stops_the_calls_and_is_over(tmp_path: Path, receiver: Receiver) -> None:
    """A held tenant is told, too, and stops nothing else."""
    with ObserverProcess(tmp_path / "var", env=receiver.environment) as observer:
        until(receiver.pings, "it is called while all is well")
        observer.order("pause", tenant_id="acme")
        until(lambda: receiver.states("suspended") == ["firing"], "a tenant is held")
        assert receiver.alarms("suspended")[0]["tenant_id"] == "acme"
        until(
            lambda: httpx.get(f"{observer.url}/health", verify=NO_TLS).status_code == 200,
            "a tenant is no all",
        )
        before = receiver.pings()
        until(lambda: receiver.pings() > before, "a held tenant stops no call")

        observer.order("pause")
        until(lambda: receiver.states("suspended") == ["firing"] * 2, "all are held")
        health = httpx.get(f"{observer.url}/health")
        assert (health.status_code, health.json()["state"]) == (503, "SUSPENDED")
        until(lambda: not called_within(receiver, 1.5), "the calls stop")
        silent = receiver.pings()

        observer.order("unpause")
        until(lambda: receiver.states("suspended")[-1] == "over", "not all any more")
        assert [a["tenant_id"] for a in receiver.alarms("suspended")] == ["acme", None, None]
        until(lambda: receiver.pings() > silent, "the calls go on")
        well = {"waiting": 0, "error": None}
        until(lambda: observer.get("/health")["alarms"] == well, "all is delivered")
        shown = observer.get("/health")
        assert time.time() - shown["dead_man"]["last_ok"] < 30
        assert shown["heartbeat"]["age_s"] < 30
        log = observer.log
    assert f"{receiver.server.url}/alarms" not in log


def test_a_locked_database_stops_the_heartbeat_and_is_told_without_it(
    tmp_path: Path, receiver: Receiver
) -> None:
    """The channel works when observer.db does not; /metrics says what is still known."""
    with ObserverProcess(tmp_path / "var", env=receiver.environment) as observer:
        until((observer.data_dir / "heartbeat").exists, "a heartbeat")
        holder = sqlite3.connect(observer.data_dir / "observer.db", isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        until(lambda: receiver.states("file") == ["firing"], "the file's trouble is told")
        [told] = receiver.alarms("file")
        assert told["subject"] == "observer.db"
        assert "is locked by another process" in told["text"]
        stopped = beat_at(observer)
        metrics = httpx.get(f"{observer.url}/metrics", timeout=30).text
        assert 'observer_state{state="RUNNING"} 1.0' in metrics
        beat = re.search(r"^observer_heartbeat_timestamp_seconds (\S+)$", metrics, re.M)
        assert beat is not None and abs(float(beat[1]) - stopped) < 0.01
        assert httpx.get(f"{observer.url}/health", timeout=30).status_code == 503
        assert beat_at(observer) == stopped

        holder.execute("ROLLBACK")
        holder.close()
        until(lambda: receiver.states("file") == ["firing", "over"], "it is over")
        until(lambda: beat_at(observer) > stopped, "the heart beats again")


def test_what_could_not_be_delivered_is_by_the_next_process(
    tmp_path: Path, receiver: Receiver
) -> None:
    """Killed with alarms in the spool, and nothing is told a second time."""
    receiver.status = 503
    with ObserverProcess(tmp_path / "var", env=receiver.environment) as first:
        first.order("pause", tenant_id="acme")
        until(lambda: first.get("/health")["alarms"]["waiting"], "it waits")
        until(lambda: first.get("/health")["alarms"]["error"], "it was tried")
        first.kill()
    refused = receiver.alarms("suspended")
    receiver.server.asked.clear()
    receiver.status = 200

    with ObserverProcess(tmp_path / "var", env=receiver.environment) as second:
        until(lambda: receiver.states("suspended"), "it is delivered")
        second.order("unpause", tenant_id="acme")
        until(lambda: receiver.states("suspended") == ["firing", "over"], "and its end, once each")
    assert receiver.alarms("suspended")[0] == refused[0], "the same alarm, with the same id"


def test_a_process_that_stands_still_has_no_heartbeat(tmp_path: Path) -> None:
    with ObserverProcess(tmp_path / "var", env=QUICK) as observer:
        assert observer.process is not None
        until((observer.data_dir / "heartbeat").exists, "a heartbeat")
        os.kill(observer.process.pid, signal.SIGSTOP)
        stopped = beat_at(observer)
        time.sleep(1.0)
        assert beat_at(observer) == stopped
        os.kill(observer.process.pid, signal.SIGCONT)
        until(lambda: beat_at(observer) > stopped, "it beats again")


def test_an_event_that_waits_too_long_is_told(tmp_path: Path, receiver: Receiver) -> None:
    """The tool server hangs in a call, so the event behind it grows old."""
    env = {**receiver.environment, "OBSERVER__WATCH__INBOX_AGE": "300ms"}
    observer = ObserverProcess(tmp_path / "var", env=env)
    observer.faults({"tools": {"get_stage_metrics": {"mode": "hang", "times": 1}}})
    with observer:
        session = observer.send(WARNING)
        until(lambda: receiver.states("inbox_age") == ["firing"], "it is old")
        observer.wait_for(session)
        until(lambda: receiver.states("inbox_age") == ["firing", "over"], "it is worked off")


def test_systemd_hears_that_it_is_ready_alive_and_stopping(tmp_path: Path) -> None:
    """READY=1 comes once events are taken, WATCHDOG=1 twice in the time that systemd gives."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(tmp_path / "notify"))
        door.settimeout(30)
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "4000000"}
        with ObserverProcess(tmp_path / "var", env=env) as observer:
            said: list[str] = []
            while not ("READY=1" in said and said.count("WATCHDOG=1") >= 2):
                said.append(door.recv(4096).decode())
            assert "STATUS=RUNNING" in said
            assert observer.post(WARNING).status_code == 202
            assert observer.terminate() == 0
        while "STOPPING=1" not in said:
            said.append(door.recv(4096).decode())
