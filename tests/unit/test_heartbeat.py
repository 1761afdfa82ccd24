"""The heartbeat beats only while the loop turns and the records can be written."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from observer.domain.lifecycle import Lifecycle
from observer.records import database as database_module
from observer.records.database import Database
from observer.records.heartbeat import HeartbeatFile
from observer.watch.heartbeat import Heartbeat

pytestmark = pytest.mark.asyncio

EVERY_S = 0.05


class Systemd:
    """Counts the words that keep it from ending us."""

    watchdog_s: float | None = None

    def __init__(self) -> None:
        self.words = 0

    def alive(self) -> None:
        self.words += 1


@asynccontextmanager
async def beating(
    folder: Path, *, watchdog_s: float | None = None, every_s: float = EVERY_S
) -> AsyncIterator[tuple[Heartbeat, Systemd]]:
    database = Database(folder / "observer.db")
    await database.open()
    systemd = Systemd()
    systemd.watchdog_s = watchdog_s
    heartbeat = Heartbeat(
        database,
        HeartbeatFile(folder / "heartbeat"),
        SimpleNamespace(state=Lifecycle.RUNNING),  # type: ignore[arg-type]
        systemd,  # type: ignore[arg-type]
        every_s=every_s,
    )
    heartbeat.start()
    try:
        yield heartbeat, systemd
    finally:
        await heartbeat.stop()
        await database.close()


async def until(fact: Callable[[], object], limit_s: float = 20.0) -> None:
    async with asyncio.timeout(limit_s):
        while not fact():  # noqa: ASYNC110  another thread, or a file
            await asyncio.sleep(0.01)


def said(folder: Path) -> dict[str, object]:
    return json.loads((folder / "heartbeat").read_text())


async def test_it_says_when_who_and_how(tmp_path: Path) -> None:
    async with beating(tmp_path) as (heartbeat, _):
        await until(lambda: heartbeat.last_at)
        first = heartbeat.last_at
        await until(lambda: heartbeat.last_at != first)
        assert said(tmp_path).keys() == {"time", "pid", "state"}
        assert (said(tmp_path)["pid"], said(tmp_path)["state"]) == (os.getpid(), "RUNNING")
        assert abs(time.time() - float(str(said(tmp_path)["time"]))) < 10
        assert (tmp_path / "heartbeat").stat().st_mode & 0o777 == 0o600


async def test_a_database_that_cannot_be_written_stops_it_and_does_not_have_us_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock is known and told; a restart would not open it."""
    monkeypatch.setattr(database_module, "PATIENCE_S", 0.05)
    async with beating(tmp_path) as (heartbeat, systemd):
        await until(lambda: heartbeat.last_at)
        holder = sqlite3.connect(tmp_path / "observer.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        words = systemd.words
        await until(lambda: systemd.words > words + 2)
        stopped_at = heartbeat.last_at

        await until(lambda: systemd.words > words + 5)
        assert heartbeat.last_at == stopped_at

        holder.execute("ROLLBACK")
        holder.close()
        await until(lambda: heartbeat.last_at != stopped_at)


async def test_an_error_that_nobody_foresaw_does_not_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, raised = HeartbeatFile.write, asyncio.Event()

    async def once(file: HeartbeatFile, *, at: float, state: str) -> None:
        if not raised.is_set():
            raised.set()
            raise RuntimeError("what is this?")
        await real(file, at=at, state=state)

    monkeypatch.setattr(HeartbeatFile, "write", once)
    async with beating(tmp_path) as (heartbeat, systemd):
        await raised.wait()
        await until(lambda: heartbeat.last_at)
        assert systemd.words >= 1, "an error is an answer"
    assert "what is this?" in caplog.text


async def test_a_disk_that_takes_no_file_stops_it(tmp_path: Path) -> None:
    (tmp_path / "heartbeat").mkdir()
    async with beating(tmp_path) as (heartbeat, systemd):
        await until(lambda: systemd.words > 2)
        assert heartbeat.last_at is None
        assert heartbeat.age_s > 0


async def test_a_database_that_hangs_has_us_ended(tmp_path: Path) -> None:
    """Neither an answer nor an error: the watchdog hears nothing more."""
    async with beating(tmp_path) as (heartbeat, systemd):
        await until(lambda: heartbeat.last_at)
        let_go = threading.Event()
        hanging = asyncio.create_task(heartbeat._database.write(lambda _: let_go.wait(20)))
        await until(lambda: heartbeat.age_s > 3 * EVERY_S)
        words = systemd.words
        await asyncio.sleep(10 * EVERY_S)
        assert systemd.words == words

        let_go.set()
        await hanging
        await until(lambda: systemd.words > words)


async def test_a_loop_that_hangs_stops_it(tmp_path: Path) -> None:
    async with beating(tmp_path) as (heartbeat, systemd):
        await until(lambda: heartbeat.last_at)
        await asyncio.sleep(2 * EVERY_S)
        words = systemd.words
        time.sleep(6 * EVERY_S)  # noqa: ASYNC251  this is the hanging loop
        assert systemd.words == words
        assert time.time() - float(str(said(tmp_path)["time"])) >= 5 * EVERY_S


async def test_systemd_is_fed_twice_in_the_time_that_it_gives(tmp_path: Path) -> None:
    async with beating(tmp_path, watchdog_s=0.1, every_s=3600.0) as (heartbeat, systemd):
        await until(lambda: systemd.words >= 3)
        assert heartbeat.longest_age_s == pytest.approx(3 * 0.05 + 5.0)
