"""check_health on real parts: every method healthy, unhealthy and unknown (cases 28, 61, 65)."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.doubles.http_server import HttpDouble, Reply
from tests.stack.part import free_port
from tests.stack.redis_server import RedisServer
from tests.stack.supervisord import Supervisord
from tests.telemetry.scenes import telemetry

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]

NOWHERE = "nowhere.invalid"


async def test_tcp_connect_tells_open_refused_and_nowhere() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        async with telemetry() as ask:
            well = await ask.health("tcp_connect", host="127.0.0.1", port=port)
            too = await ask.health("tcp_connect", address=f"localhost:{port}")
            ill = await ask.health("tcp_connect", address=f"127.0.0.1:{free_port()}")
            lost = await ask.health("tcp_connect", host=NOWHERE, port=80)

    assert (well["status"], too["status"]) == ("healthy", "healthy")
    assert ill["status"] == "unhealthy" and "refuses the connection" in ill["reason"]
    assert lost["status"] == "unknown" and "leads to no address" in lost["reason"]


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("tcp_connect", {"address": "169.254.169.254:80"}),
        ("tcp_connect", {"host": "[fe80::1%1]".strip("[]"), "port": 80}),
        ("http", {"url": "http://169.254.169.254/latest/meta-data/"}),
        ("http", {"url": "http://[::ffff:169.254.169.254]/"}),
        ("http", {"url": "http://2852039166/"}),
        ("http", {"url": "http://user:password@127.0.0.1/"}),
        ("http", {"url": "file:///etc/passwd"}),
    ],
)
async def test_addresses_of_a_clouds_credentials_are_never_connected_to(
    method: str, parameters: dict[str, object]
) -> None:
    """Case 61: link-local in whatever spelling, other schemes, and passwords in parameters."""
    async with telemetry() as ask:
        words = await ask.complaint("check_health", method=method, parameters=parameters)

    assert "never connected to" in words or "must" in words or "begins with http" in words
    assert "password@" not in words


async def test_http_wants_its_status_and_text_and_follows_no_redirect() -> None:
    """Case 61: a redirect is an answer, not a way."""
    answers = {
        "/ok": Reply(200, b"status: green"),
        "/ok/": Reply(204),
        "/broken": Reply(500),
        "/away": Reply(302, b"", {"location": "/ok"}),
        "/silent": Reply(silent=True),
        "/long": Reply(200, b"x" * (3 << 20)),
    }
    with HttpDouble(lambda asked: answers[asked.path]) as server:
        async with telemetry() as ask:

            async def status(path: str, **more: object) -> str:
                judged = await ask.health("http", url=server.url + path, **more)
                return judged["status"]

            assert await status("/ok") == "healthy"
            assert await status("/ok", contains="green") == "healthy"
            assert await status("/ok/?full=1", status=204) == "healthy"
            assert await status("/ok", contains="red") == "unhealthy"
            assert await status("/broken") == "unhealthy"
            assert await status("/broken", status=500) == "healthy"
            assert await status("/away") == "unhealthy"
            assert await status("/away", status=302) == "healthy"
            assert await status("/long", contains="xyz") == "unhealthy"
            assert await status("/silent", timeout="300ms") == "unhealthy"
            gone = await ask.health("http", url=f"http://127.0.0.1:{free_port()}/")
            lost = await ask.health("http", url=f"http://{NOWHERE}/")
            away = await ask.health("http", url=server.url + "/away")

    assert gone["status"] == "unhealthy" and lost["status"] == "unknown"
    assert "302" in away["reason"] and "not followed" in away["reason"]
    assert [a.query for a in server.asked if a.path == "/ok/"] == [{"full": "1"}]


async def test_redis_answers_with_its_figures(redis_server: RedisServer) -> None:
    async with telemetry({"redis": {"redis_instance": {"url": redis_server.url}}}) as ask:
        judged = await ask.health("redis_ping", redis="redis_instance")

    assert judged["status"] == "healthy"
    assert judged["values"]["connected_clients"] >= 1
    assert judged["values"]["maxclients"] == 8


async def test_redis_at_its_limit_is_unhealthy_by_its_own_words(redis_server: RedisServer) -> None:
    """Its refusal is evidence of the node, not of our trouble to look at it."""
    async with telemetry({"redis": {"r": {"url": redis_server.url}}}) as ask:
        with redis_server.exhausted():
            judged = await ask.health("redis_ping", redis="r")
        assert judged["status"] == "unhealthy", judged
        assert "max number of clients reached" in judged["reason"]

        async def heals() -> str:
            return (await ask.health("redis_ping", redis="r"))["status"]

        deadline = time.monotonic() + 10
        while await heals() != "healthy":
            assert time.monotonic() < deadline


async def test_redis_stopped_gone_and_unaskable(redis_server: RedisServer) -> None:
    wrong = redis_server.url.replace(redis_server.password, "wrong-password")
    servers = {
        "right": {"url": redis_server.url},
        "wrong": {"url": wrong},
        "none": {"url": f"redis://127.0.0.1:{redis_server.port}"},
        "gone": {"url": f"redis://127.0.0.1:{free_port()}"},
        "lost": {"url": f"redis://{NOWHERE}:6379"},
    }
    async with telemetry({"redis": servers}) as ask:
        found = {name: await ask.health("redis_ping", redis=name) for name in servers}
        redis_server.signal(signal.SIGSTOP)
        try:
            begin = time.monotonic()
            stopped = await ask.health("redis_ping", redis="right", timeout="300ms")
            took = time.monotonic() - begin
        finally:
            redis_server.signal(signal.SIGCONT)

    assert {name: judged["status"] for name, judged in found.items()} == {
        "right": "healthy",
        "wrong": "unknown",
        "none": "unknown",
        "gone": "unhealthy",
        "lost": "unknown",
    }
    assert "credentials" in found["wrong"]["reason"]
    assert (stopped["status"], stopped["reason"]) == ("unhealthy", "no answer within 0.3 s")
    assert took < 5


@asynccontextmanager
async def says(words: bytes) -> AsyncIterator[str]:
    """A Redis that answers everything with these words."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while commands := (await reader.read(4096)).count(b"*"):
            writer.write(words * commands)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    "words",
    [
        b"-LOADING Redis is loading the dataset in memory\r\n",
        b"-MISCONF Errors writing to the AOF file: No space left on device\r\n",
    ],
)
async def test_redis_own_error_is_unhealthy_with_its_words(words: bytes) -> None:
    async with says(words) as url, telemetry({"redis": {"r": {"url": url}}}) as ask:
        judged = await ask.health("redis_ping", redis="r")

    assert judged["status"] == "unhealthy", judged
    assert words[1:].split()[-1].decode() in judged["reason"]


@pytest.mark.parametrize("way", ["tcp", "socket"])
async def test_supervisor_states_over_tcp_and_socket(supervisord: Supervisord, way: str) -> None:
    url = supervisord.url if way == "tcp" else supervisord.socket_url
    async with telemetry({"supervisor": {"url": url}}) as ask:
        found = {
            name: await ask.health("supervisor_state", process=f"pipeline:{name}")
            for name in ("worker", "broken", "parked", "slow", "nobody")
        }

    assert {name: judged["status"] for name, judged in found.items()} == {
        "worker": "healthy",
        "broken": "unhealthy",
        "parked": "unhealthy",
        "slow": "unknown",
        "nobody": "unknown",
    }
    assert found["worker"]["values"]["pid"] > 0
    assert "knows no process 'pipeline:nobody'" in found["nobody"]["reason"]
    assert "FATAL" in found["broken"]["reason"]


async def test_supervisord_out_of_reach_is_unknown(
    supervisord: Supervisord, tmp_path: Path
) -> None:
    """Case 28's rule: what we look through being down says nothing about the process."""
    urls = {
        "gone": f"http://127.0.0.1:{free_port()}/RPC2",
        "no_socket": f"unix://{tmp_path}/none.sock",
        "wrong": f"http://observer:wrong@127.0.0.1:{supervisord.port}/RPC2",
        "no_path": f"http://127.0.0.1:{supervisord.port}/elsewhere",
    }
    for url in urls.values():
        async with telemetry({"supervisor": {"url": url}}) as ask:
            judged = await ask.health("supervisor_state", process="pipeline:worker")
            assert judged["status"] == "unknown", judged
    with HttpDouble(lambda asked: Reply(silent=True)) as server:
        async with telemetry({"supervisor": {"url": server.url}}) as ask:
            late = await ask.health("supervisor_state", process="p:w", timeout="300ms")
            assert late["status"] == "unknown"


OWN = """
import os, sys, time
async def check(parameters):
    print("this is no answer")
    match parameters["do"]:
        case "well":
            told = "OBSERVER_SECTIONS" in os.environ
            return "healthy", "all there", {"rows": parameters["rows"], "told": told}
        case "ill": return ("unhealthy", "ERR 3 rows are missing", {})
        case "raise": raise RuntimeError("no database")
        case "exit": os._exit(4)
        case "garbage": return "fine"
        case "nan": return "healthy", "x", {"v": float("nan")}
        case "wrong": return "great", "x", {}
        case "hang": time.sleep(60)
"""


async def test_a_check_of_your_own_is_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it prints, blocks or breaks stays in its process; broken is unknown."""
    monkeypatch.setenv("OBSERVER_SECTIONS", "told-in-confidence")
    file = tmp_path / "rows.py"
    file.write_text(OWN)
    (tmp_path / "torn.py").write_text("def check(:")
    checks = {"rows": str(file), "torn": str(tmp_path / "torn.py"), "none": str(tmp_path / "no.py")}
    async with telemetry(checks=checks) as ask:

        async def own(do: str, name: str = "rows", **more: object) -> dict:
            return await ask.health("python", name=name, do=do, **more)

        well, ill = await own("well", rows=7), await own("ill")
        broken = {do: await own(do) for do in ("raise", "exit", "garbage", "nan", "wrong")}
        broken |= {name: await own("well", name=name) for name in ("torn", "none")}
        late = await own("hang", timeout="1s")
        words = await ask.complaint("check_health", method="python", parameters={"name": "x"})

    assert (well["status"], well["reason"]) == ("healthy", "rows: all there")
    assert well["values"] == {"rows": 7.0, "told": 0.0}
    assert (ill["status"], ill["reason"]) == ("unhealthy", "rows: ERR 3 rows are missing")
    assert {do for do, judged in broken.items() if judged["status"] != "unknown"} == set()
    assert "no database" in broken["raise"]["reason"] and "4" in broken["exit"]["reason"]
    assert late["status"] == "unknown"
    assert "not in telemetry.checks (rows, torn, none)" in words


@pytest.mark.parametrize(
    ("method", "parameters", "words"),
    [
        ("ping", {}, "there are: consumer_lag, http, log_recency, promql, python, redis_ping"),
        (
            "tcp_connect",
            {"hots": "a"},
            "'hots' is none of its parameters; its parameters: [address]",
        ),
        ("tcp_connect", {"host": "a"}, "write host and port, or address as host:port"),
        ("tcp_connect", {"address": "nonsense"}, "write host:port"),
        ("http", {}, "url is missing; its parameters: url, [contains], [status], [timeout]"),
        ("http", {"url": "http://a/", "timeout": "soon"}, "write for example 500ms, 8s, 5m or 24h"),
        ("http", {"url": "http://a/", "timeout": "24h"}, "less than or equal to 60"),
        ("redis_ping", {"redis": "x"}, "not in platform.redis (none)"),
        ("promql", {"query": "up", "condition": "is 3"}, "such as `> 3`"),
        ("consumer_lag", {"consumer_group": "g"}, "lag_threshold is missing"),
        ("topic_freshness", {"topic": "t", "max_age": -1}, "max_age"),
    ],
)
async def test_wrong_parameters_are_an_error_that_names_the_right_ones(
    method: str, parameters: dict[str, object], words: str
) -> None:
    async with telemetry() as ask:
        assert words in await ask.complaint("check_health", method=method, parameters=parameters)


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("promql", {"query": "up", "condition": "> 0"}),
        ("log_recency", {"container": "c", "max_age": "500ms"}),
        ("supervisor_state", {"process": "a:b"}),
        ("consumer_lag", {"consumer_group": "g", "lag_threshold": 1}),
        ("topic_freshness", {"topic": "t", "max_age": "24h"}),
    ],
)
async def test_what_is_not_configured_is_unknown_and_says_so(
    method: str, parameters: dict[str, object]
) -> None:
    async with telemetry() as ask:
        judged = await ask.health(method, **parameters)

    assert judged["status"] == "unknown"
    assert "telemetry" in judged["reason"] or "platform" in judged["reason"]


async def test_every_tool_says_that_it_only_looks_and_when_not_to_use_it() -> None:
    async with telemetry() as ask:
        tools = (await ask.session.list_tools()).tools

    assert {tool.name for tool in tools} == {"query_metrics", "query_logs", "check_health"}
    for tool in tools:
        assert tool.annotations is not None and tool.outputSchema is not None
        assert tool.annotations.readOnlyHint and not tool.annotations.destructiveHint
        assert "Not " in (tool.description or "")
