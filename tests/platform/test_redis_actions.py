"""redis_config_set and redis_kill_idle_clients on a real Redis."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.platform.scenes import crash_before_record, platform
from tests.stack.part import wait_until
from tests.stack.redis_server import MAX_CLIENTS, RedisServer
from tests.telemetry.scenes import Asker

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]

LIMITS = {
    "maxclients": 12,
    "maxmemory": "64mb",
    "maxmemory-policy": "allkeys-lru",
    "activedefrag": "yes",
    "no-such-setting": 5,
}
NODES = {
    "cache": {"type": "infrastructure", "limits": LIMITS},
    "bare": {"type": "infrastructure"},
}


def told(server: RedisServer) -> dict[str, Any]:
    return {"redis": {name: {"url": server.url} for name in NODES}}


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[Redis]:
    """A client that puts back what a test sets."""
    with Redis.from_url(redis_server.url, decode_responses=True) as client:
        names = [name for name in LIMITS if client.config_get(name)]
        before = {name: client.config_get(name)[name] for name in names}
        yield client
        for name in ("maxclients", "maxmemory", "maxmemory-policy"):
            client.config_set(name, before[name])


async def configure(
    ask: Asker, parameter: str, value: str, key: str, node: str = "cache"
) -> dict[str, Any]:
    return await ask(
        "redis_config_set", node=node, parameter=parameter, value=value, idempotency_key=key
    )


async def test_a_setting_within_its_limit_is_set_and_read_back(
    redis_server: RedisServer, client: Redis, tmp_path: Path
) -> None:
    async with platform(tmp_path, NODES, **told(redis_server)) as ask:
        size = await configure(ask, "maxmemory", "32mb", "1")
        number = await configure(ask, "maxclients", "12", "2")
        word = await configure(ask, "maxmemory-policy", "allkeys-lru", "3")
        client.config_set("maxclients", 9)
        again = await configure(ask, "maxclients", "12", "2")

        assert (size["old"], size["new"]) == ("0", str(32 << 20))
        assert (number["old"], number["new"]) == (str(MAX_CLIENTS), "12")
        assert (word["old"], word["new"]) == ("noeviction", "allkeys-lru")
        assert client.config_get("maxmemory")["maxmemory"] == str(32 << 20)
        assert again == number
        assert client.config_get("maxclients")["maxclients"] == "9", "the same key sets nothing"


@pytest.mark.parametrize(
    ("node", "parameter", "value", "words"),
    [
        ("cache", "maxmemory", "65mb", "it is more than 64mb"),
        ("cache", "maxmemory", "1gb", "it is more than 64mb"),
        ("cache", "maxmemory", "0", "without a limit"),
        ("cache", "maxmemory", "50percent", "must be a number"),
        ("cache", "maxmemory", "1kb", "is less"),
        ("cache", "maxclients", "13", "it is more than 12"),
        ("cache", "maxmemory-policy", "noeviction", "the one value allowed is allkeys-lru"),
        ("cache", "requirepass", "x", "not in the limits of cache"),
        ("cache", "no-such-setting", "5", "no setting no-such-setting"),
        ("bare", "maxmemory", "1mb", "not in the limits of bare (none)"),
    ],
)
async def test_what_the_limits_do_not_allow_is_refused_and_nothing_is_set(
    redis_server: RedisServer,
    client: Redis,
    tmp_path: Path,
    node: str,
    parameter: str,
    value: str,
    words: str,
) -> None:
    before = client.config_get("*")
    async with platform(tmp_path, NODES, **told(redis_server)) as ask:
        said = await ask.complaint(
            "redis_config_set", node=node, parameter=parameter, value=value, idempotency_key="k"
        )
        found = await ask("find_platform_action", idempotency_key="k")

    assert words in said
    assert found["found"] is False and client.config_get("*") == before


async def test_redis_own_refusal_is_a_failure(redis_server: RedisServer, tmp_path: Path) -> None:
    """Case 92: Debian's Redis has no active defragmentation, and says so."""
    async with platform(tmp_path, NODES, **told(redis_server)) as ask:
        said = await ask.complaint(
            "redis_config_set",
            node="cache",
            parameter="activedefrag",
            value="yes",
            idempotency_key="k",
        )
        found = await ask("find_platform_action", idempotency_key="k")

    assert "cache answers: " in said and "jemalloc" in said.lower()
    assert found["found"] and found["result"]["error"].startswith("(error) ")


async def test_a_setting_goes_back_to_what_it_was_and_nowhere_else(
    redis_server: RedisServer, client: Redis, tmp_path: Path
) -> None:
    """What was replaced here is the one other value that the limits let through."""
    async with platform(tmp_path, NODES, **told(redis_server)) as ask:
        done = await configure(ask, "maxmemory-policy", "allkeys-lru", "1")
        call = {"node": "cache", "parameter": "maxmemory-policy"}
        other = await ask.complaint(
            "redis_config_set", **call, value="volatile-ttl", idempotency_key="2"
        )
        back = await configure(ask, "maxmemory-policy", done["old"], "3")

    assert "the one value allowed" in other
    assert back["new"] == "noeviction"
    assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"


async def test_after_a_crash_the_setting_itself_tells_whether_it_was_set(
    redis_server: RedisServer, client: Redis, tmp_path: Path
) -> None:
    """Case 1: set: adopted; still the old value: not done; another value: nobody can tell."""
    async with platform(tmp_path, NODES, **told(redis_server)) as ask:
        done = await configure(ask, "maxclients", "12", "k")
        crash_before_record(tmp_path)
        adopted = await ask("find_platform_action", idempotency_key="k")

        crash_before_record(tmp_path)
        client.config_set("maxclients", MAX_CLIENTS)
        undone = await ask("find_platform_action", idempotency_key="k")
        again = await configure(ask, "maxclients", "12", "k")

        crash_before_record(tmp_path)
        client.config_set("maxclients", 10)
        unclear = await ask.complaint("find_platform_action", idempotency_key="k")

    assert adopted["found"] and adopted["result"] == done
    assert undone["found"] is False and again == done
    assert "neither what it was nor what was wanted" in unclear


async def test_idle_clients_end_and_those_that_wait_for_work_stay(
    redis_server: RedisServer, client: Redis, tmp_path: Path
) -> None:
    client.client_setname("the-test")
    with ExitStack() as held:

        def line(command: bytes) -> socket.socket:
            opened = held.enter_context(
                socket.create_connection(("127.0.0.1", redis_server.port), 5)
            )
            for sent in (f"AUTH {redis_server.password}\r\n".encode(), command):
                opened.sendall(sent)
                if not sent.startswith(b"BLPOP"):
                    opened.recv(100)
            return opened

        idle = [line(b"PING\r\n") for _ in range(2)]
        line(b"SUBSCRIBE news\r\n")
        blocked = line(b"BLPOP jobs 0\r\n")

        def waited() -> bool:
            ours = [c for c in client.client_list() if c["name"] != "the-test"]
            return len(ours) == 4 and all(int(c["idle"]) >= 2 for c in ours)

        await asyncio.to_thread(wait_until, waited, "four clients are idle")
        async with platform(tmp_path, NODES, **told(redis_server)) as ask:
            done = await ask(
                "redis_kill_idle_clients", node="cache", idle_for="1s", idempotency_key="k"
            )
            again = await ask(
                "redis_kill_idle_clients", node="cache", idle_for="1s", idempotency_key="k"
            )
            long = await ask(
                "redis_kill_idle_clients", node="cache", idle_for="5m", idempotency_key="k2"
            )
        left = client.client_list()
        ended = [c.recv(10) for c in idle]
        client.rpush("jobs", "one")
        woken = blocked.recv(100)

    assert (done["killed"], done["clients"], done["spared"]) == (2, 5, 2)
    assert again == done and long["killed"] == 0
    assert ended == [b"", b""] and len(left) == 3
    assert b"jobs" in woken


async def test_at_the_limit_of_clients_the_next_free_place_is_waited_for(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    """Our own connection competes for the last place as any other does."""
    async with platform(tmp_path, NODES, **told(redis_server)) as ask:
        with redis_server.exhausted():
            call = {"node": "cache", "idle_for": "1s", "idempotency_key": "k"}
            waiting = asyncio.create_task(ask("redis_kill_idle_clients", **call))
            done, _ = await asyncio.wait({waiting}, timeout=0.5)
            assert not done
        assert (await waiting)["action"] == "redis_kill_idle_clients"


async def test_a_wrong_password_is_no_failure_of_the_node_and_not_shown(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    url = redis_server.url.replace(redis_server.password, "not-the-word")
    async with platform(tmp_path, NODES, redis={"cache": {"url": url}}) as ask:
        said = await ask.complaint(
            "redis_kill_idle_clients", node="cache", idle_for="1s", idempotency_key="k"
        )

    assert "does not accept our credentials" in said and "not-the-word" not in said
