"""Alarms reach their address in order, once each, however it behaves."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from observer.domain.fault import Facts
from observer.domain.lifecycle import Lifecycle
from observer.domain.redaction import Redactor
from observer.records.alarm_spool import AlarmSpool
from observer.watch import alarms as alarms_module
from observer.watch.alarms import Alarms
from tests.doubles.http_server import Asked, HttpDouble, Reply

pytestmark = pytest.mark.asyncio

WELL = Facts(Lifecycle.RUNNING)
FAILED = Facts(Lifecycle.FAILED, "five in a row; token hunter22")
SECRET = "whsec-of-the-alarms"


@asynccontextmanager
async def alarms_to(url: str, folder: Path, *, secret: str | None = None) -> AsyncIterator[Alarms]:
    alarms = Alarms(AlarmSpool(folder / "alarms"), Redactor(["hunter22"]), url, secret)
    await alarms.start()
    try:
        yield alarms
    finally:
        await alarms.stop()


async def until(fact: Callable[[], bool], limit_s: float = 20.0) -> None:
    async with asyncio.timeout(limit_s):
        while not fact():  # noqa: ASYNC110  the other side is a thread
            await asyncio.sleep(0.01)


async def test_begin_and_end_arrive_once_each_with_the_id_as_key(tmp_path: Path) -> None:
    with HttpDouble(lambda _: Reply(204)) as receiver:
        async with alarms_to(f"{receiver.url}/hook", tmp_path, secret=SECRET) as alarms:
            for facts in (FAILED, FAILED, WELL, WELL):
                await alarms.look(facts)
            await until(lambda: alarms.waiting == 0)
    assert [a.json["state"] for a in receiver.asked] == ["firing", "over"]
    first = receiver.asked[0]
    assert set(first.json) >= {"id", "kind", "tenant_id", "text", "at", "since", "state"}
    assert first.headers["idempotency-key"] == first.json["id"]
    mac = hmac.new(SECRET.encode(), first.body, hashlib.sha256).hexdigest()
    assert first.headers["x-webhook-signature"] == f"sha256={mac}"
    assert "five in a row" in first.json["text"]
    assert "hunter22" not in "".join(a.body.decode() for a in receiver.asked)


async def test_a_refused_alarm_is_sent_again_with_the_same_id_before_the_next(
    tmp_path: Path,
) -> None:
    came: list[float] = []

    def answer(_: Asked) -> Reply:
        came.append(time.monotonic())
        return Reply(503, headers={"retry-after": "2"}) if len(came) == 1 else Reply()

    with HttpDouble(answer) as receiver:
        async with alarms_to(receiver.url, tmp_path) as alarms:
            await alarms.look(FAILED)
            await alarms.look(WELL)
            await until(lambda: len(came) == 1 and alarms.last_error is not None)
            assert alarms.waiting == 2
            await until(lambda: alarms.waiting == 0)
    assert [a.json["state"] for a in receiver.asked] == ["firing", "firing", "over"]
    ids = [a.json["id"] for a in receiver.asked]
    assert ids[0] == ids[1] != ids[2]
    assert came[1] - came[0] >= 2.0, "Retry-After is honoured"
    assert alarms.last_error is None


@pytest.mark.parametrize(
    ("owner", "name"),
    [(alarms_module, "exchange"), (AlarmSpool, "remove")],
    ids=["sending", "removing"],
)
async def test_an_error_that_nobody_foresaw_does_not_end_the_deliveries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    real, left = getattr(owner, name), [1]

    async def once_not(*args: Any, **named: Any) -> Any:
        if left:
            left.clear()
            raise RuntimeError(SECRET)
        return await real(*args, **named)

    monkeypatch.setattr(owner, name, once_not)
    with HttpDouble(lambda _: Reply()) as receiver:
        async with alarms_to(receiver.url, tmp_path) as alarms:
            await alarms.look(FAILED)
            await until(lambda: alarms.last_error is not None)
            assert alarms.last_error == "RuntimeError", "never an error's own words"
            await alarms.look(WELL)
            await until(lambda: alarms.waiting == 0)
    assert alarms.last_error is None
    states = {a.json["id"]: a.json["state"] for a in receiver.asked}
    assert list(states.values()) == ["firing", "over"]


async def test_a_redirect_is_no_delivery_and_is_not_followed(tmp_path: Path) -> None:
    def elsewhere(_: Asked) -> Reply:
        return Reply(307, headers={"location": other.url})

    with HttpDouble(lambda _: Reply()) as other, HttpDouble(elsewhere) as receiver:
        async with alarms_to(receiver.url, tmp_path) as alarms:
            await alarms.look(FAILED)
            await until(lambda: alarms.last_error is not None)
    assert alarms.waiting == 1
    assert alarms.last_error == "the receiver answered 307"
    assert other.asked == []


async def test_a_link_local_target_is_never_connected_to(tmp_path: Path) -> None:
    async with alarms_to("http://169.254.169.254/latest", tmp_path) as alarms:
        await alarms.look(FAILED)
        await until(lambda: alarms.last_error is not None)
    assert alarms.waiting == 1
    assert "never connected to" in (alarms.last_error or "")


async def test_nobody_there_is_an_error_without_the_secret_path(tmp_path: Path) -> None:
    with HttpDouble(lambda _: Reply()) as receiver:
        url = f"{receiver.url}/services/T0/B0/verysecret"
    async with alarms_to(url, tmp_path) as alarms:
        await alarms.look(FAILED)
        await until(lambda: alarms.last_error is not None)
    assert "verysecret" not in (alarms.last_error or "")


async def test_what_one_process_could_not_deliver_the_next_one_does(tmp_path: Path) -> None:
    with HttpDouble(lambda _: Reply(500)) as receiver:
        async with alarms_to(receiver.url, tmp_path) as alarms:
            await alarms.look(FAILED)
            await until(lambda: alarms.last_error is not None)
    refused = receiver.asked[0].json
    with HttpDouble(lambda _: Reply()) as receiver:
        async with alarms_to(receiver.url, tmp_path) as alarms:
            await until(lambda: alarms.waiting == 0)
            await alarms.look(FAILED)
    assert [a.json for a in receiver.asked] == [refused]
