"""Who watches goes on: an unforeseen error ends no ping, and keeps nothing from stopping."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from observer.domain.redaction import Redactor
from observer.watch.alarms import Alarms
from observer.watch.dead_man import DeadManSwitch
from observer.watch.instruments import Instruments, Known
from observer.watch.watch import Watch
from tests.doubles.http_server import HttpDouble, Reply

pytestmark = pytest.mark.asyncio


async def until(fact: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not fact():  # noqa: ASYNC110  the other side is a thread
            await asyncio.sleep(0.01)


async def test_an_error_that_nobody_foresaw_does_not_end_the_pings() -> None:
    asked: list[str | None] = []

    async def is_well() -> bool:
        asked.append(switch.last_error)
        if len(asked) == 1:
            raise RuntimeError("the secret path")
        return True

    with HttpDouble(lambda _: Reply()) as receiver:
        switch = DeadManSwitch(receiver.url, every_s=0.01)
        switch.start(is_well)
        await until(lambda: switch.last_ok)
        await switch.stop()
    assert asked[:2] == [None, "RuntimeError"]
    assert switch.last_error is None


async def test_where_one_part_cannot_be_stopped_the_others_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in (DeadManSwitch, Alarms):

        async def stop(self: Any, real: Any = part.stop) -> None:
            await real(self)
            raise RuntimeError("it will not stop")

        monkeypatch.setattr(part, "stop", stop)
    address = SimpleNamespace(url_env="URL", webhook_url_env="URL", secret_env=None, every=60.0)
    settings = SimpleNamespace(heartbeat=60.0, alarms=address, dead_man=address)
    services: Any = SimpleNamespace(
        configuration=SimpleNamespace(
            observer=SimpleNamespace(watch=settings, otlp=None),
            watch_secrets={"URL": "http://127.0.0.1:9"},
        ),
        database=None,
        data_dir=SimpleNamespace(heartbeat=tmp_path / "heartbeat", alarms=tmp_path / "alarms"),
        redactor=Redactor([]),
        holds=SimpleNamespace(listeners=[]),
        mcp=SimpleNamespace(servers={}),
    )
    lifecycle: Any = SimpleNamespace(listeners=[], state="RUNNING")
    watch = Watch(services, lifecycle, (), None, Instruments(Known((), (), (), ())))
    before = asyncio.all_tasks()
    await watch.start()
    assert len(asyncio.all_tasks()) > len(before)

    await watch.stop()

    assert asyncio.all_tasks() == before
