"""query_logs and log_recency: Loki, files and a command (cases 28, 65, 88)."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.doubles.http_server import HttpDouble, Reply
from tests.doubles.loki_server import LokiDouble
from tests.stack.part import free_port
from tests.telemetry.scenes import telemetry

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]

OBSERVERS_LIMIT = 262_144
EXHAUSTED = "ERROR Redis connection pool exhausted, retrying in 5s"


def stamped(age_s: float, text: str) -> str:
    return f"{datetime.fromtimestamp(time.time() - age_s, UTC).isoformat()} {text}\n"


def messages(answer: dict) -> list[str]:
    return [line["message"] for line in answer["lines"]]


async def test_loki_is_asked_by_container_and_text_as_its_tenant() -> None:
    with LokiDouble(org_id="team-a") as loki:
        for age, line in [(3000, "old"), (30, EXHAUSTED), (20, 'said "no"'), (10, "newest")]:
            loki.write(line, time.time() - age, container="consumer")
        loki.write("other", time.time() - 5, container="producer")
        async with telemetry(loki={"url": loki.url, "org_id": "team-a"}) as ask:
            everything = await ask("query_logs", container="consumer")
            found = await ask("query_logs", container="consumer", contains='said "no"')
            cut = await ask("query_logs", container="consumer", limit=2)
            by_query = await ask("query_logs", query='{container="producer"}', minutes=60)
        async with telemetry(loki={"url": loki.url}) as stranger:
            refused = await stranger.complaint("query_logs", container="consumer")

    assert messages(everything) == [EXHAUSTED, 'said "no"', "newest"]
    assert (everything["source"], everything["timestamps"]) == ("loki", "known")
    assert not everything["truncated"]
    assert messages(found) == ['said "no"']
    assert (messages(cut), cut["truncated"]) == (['said "no"', "newest"], True)
    assert messages(by_query) == ["other"]
    assert "Loki answered 401" in refused and "no org id" in refused


async def test_lokis_own_label_for_containers_can_be_named() -> None:
    with LokiDouble() as loki:
        loki.write("hello", time.time() - 5, container_name="primary_kafka_to_redis")
        told = {"url": loki.url, "container_label": "container_name"}
        async with telemetry(loki=told) as ask:
            assert messages(await ask("query_logs", container="primary_kafka_to_redis")) == [
                "hello"
            ]


BAD = {
    "500": Reply(500, b"internal error"),
    "html": Reply(200, b"<html>Sign in</html>"),
    "ten_megabytes": Reply(
        200,
        b'{"status": "success", "data": {"resultType": "streams", "result": []}}'
        + b" " * (10 << 20),
    ),
    "not_its_shape": Reply(200, b'{"status": "success", "data": {"resultType": "streams"}}'),
    "no_times": Reply(
        200,
        b'{"status": "success", "data": {"resultType": "streams",'
        b' "result": [{"values": [["soon", "x"]]}]}}',
    ),
}


@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_answer_of_loki_is_an_error_and_no_empty_log(bad: str) -> None:
    """Case 28."""
    with HttpDouble(lambda asked: BAD[bad]) as server:
        async with telemetry(loki={"url": server.url}) as ask:
            words = await ask.complaint("query_logs", container="consumer")
            judged = await ask.health("log_recency", container="consumer", max_age="30s")

    assert "Loki" in words or "larger than" in words
    assert judged["status"] == "unknown"


async def test_loki_down_or_slow_is_unknown() -> None:
    """Case 28."""
    async with telemetry(loki={"url": f"http://127.0.0.1:{free_port()}"}) as ask:
        assert "refuses the connection" in await ask.complaint("query_logs", container="c")
        judged = await ask.health("log_recency", container="c", max_age="30s")
        assert judged["status"] == "unknown"
    with HttpDouble(lambda asked: Reply(silent=True)) as server:
        async with telemetry(loki={"url": server.url}) as ask:
            late = await ask.health("log_recency", container="c", max_age="30s", timeout="300ms")
            assert (late["status"], late["reason"]) == ("unknown", "no answer within 0.3 s")


async def test_files_give_recent_lines_newest_last_also_rotated_ones(tmp_path: Path) -> None:
    """Case 88: an old line that still stands in the file is no recent line."""
    pattern = str(tmp_path / "{container}.log")
    (tmp_path / "consumer.log.1").write_text(stamped(900, "ancient") + stamped(100, "rotated"))
    (tmp_path / "consumer.log").write_text(
        stamped(60, EXHAUSTED) + "Traceback (most recent call last):\n" + stamped(5, "newest")
    )
    (tmp_path / "consumer.log.9").write_text(stamped(10, "of a file that nobody writes"))
    os.utime(tmp_path / "consumer.log.9", (time.time() - 9999,) * 2)
    (tmp_path / "consumer2.log").write_text(stamped(1, "somebody else's"))
    async with telemetry(log_files={"pattern": pattern}) as ask:
        answer = await ask("query_logs", container="consumer", minutes=10)
        some = await ask("query_logs", container="consumer", minutes=10, contains="pool")
        two = await ask("query_logs", container="consumer", minutes=10, limit=2)
        none = await ask.complaint("query_logs", container="nobody")

    assert [m.rsplit(" ", 1)[-1] for m in messages(answer)] == ["rotated", "5s", "last):", "newest"]
    assert answer["timestamps"] == "known" and not answer["truncated"]
    assert len(messages(some)) == 1 and EXHAUSTED in messages(some)[0]
    assert two["truncated"] and messages(two)[-1].endswith("newest")
    assert "no log file of container 'nobody'" in none


async def test_globs_in_the_pattern_find_a_containers_files(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "consumer-7f9.log").write_text(stamped(5, folder))
    async with telemetry(log_files={"pattern": str(tmp_path / "*" / "{container}-*.log")}) as ask:
        found = messages(await ask("query_logs", container="consumer"))

    assert sorted(m[-1] for m in found) == ["a", "b"]


async def test_lines_without_a_time_are_the_tail_and_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "old.log").write_bytes(
        b"no time here\n\xff\xfetorn \xe2\x98\n\x1b[31mred\x1b[0m\a\n"
    )
    async with telemetry(log_files={"pattern": str(tmp_path / "{container}.log")}) as ask:
        answer = await ask("query_logs", container="old")

    assert messages(answer) == ["no time here", "\ufffd\ufffdtorn \ufffd", "red\ufffd"]
    assert answer["timestamps"] == "unknown"
    assert {line["timestamp"] for line in answer["lines"]} == {None}


async def test_logs_are_bounded_in_lines_and_bytes(tmp_path: Path) -> None:
    """Case 71: a stuffed log is cut, and says so."""
    (tmp_path / "loud.log").write_text("".join(stamped(1, "x" * 3000) for _ in range(2000)))
    (tmp_path / "long.log").write_text(stamped(1, "y" * (1 << 20)))
    async with telemetry(log_files={"pattern": str(tmp_path / "{container}.log")}) as ask:
        loud = await ask("query_logs", container="loud", limit=500)
        long = await ask("query_logs", container="long")

        (tmp_path / "quotes.log").write_text("".join(stamped(1, '"\\' * 500) for _ in range(500)))
        quotes = await ask.session.call_tool("query_logs", {"container": "quotes", "limit": 500})

    assert len(quotes.content[0].text) < OBSERVERS_LIMIT  # type: ignore[union-attr]
    assert loud["truncated"] and sum(len(m) for m in messages(loud)) <= 96 << 10
    assert long["truncated"] and all(len(m) < 5000 for m in messages(long))


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "..",
        "a/../../secret",
        "/etc/passwd",
        "sec*",
        "secre?",
        "[s]ecret",
        "-x",
        "s\0",
        "a\nb",
        "sécret",
        "{container}",
    ],
)
async def test_a_containers_name_never_leaves_the_pattern(tmp_path: Path, name: str) -> None:
    """Case 65."""
    (tmp_path / "secret.log").write_text(stamped(1, "do not read"))
    (tmp_path / "logs").mkdir()
    echo = [sys.executable, "-c", "import sys; print(sys.argv)", "{container}"]
    for source in (
        {"log_files": {"pattern": str(tmp_path / "logs" / "{container}.log")}},
        {"log_files": {"pattern": str(tmp_path / "{container}.log")}},
        {"log_command": {"argv": echo}},
    ):
        async with telemetry(**source) as ask:
            assert "no container's name" in await ask.complaint("query_logs", container=name)
            complaint = await ask.complaint(
                "check_health",
                method="log_recency",
                parameters={"container": name, "max_age": "1m"},
            )
            assert "no container's name" in complaint


async def test_a_command_is_run_without_a_shell_or_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 65: the container is one argument."""
    monkeypatch.setenv("OBSERVER_SECTIONS", "told-in-confidence")
    script = tmp_path / "logs.py"
    script.write_text(
        "import os, sys, time\n"
        "from datetime import datetime, timezone\n"
        "now = datetime.now(timezone.utc).isoformat()\n"
        "print(now, sys.argv[1:], 'OBSERVER_SECTIONS' in os.environ)\n"
        "print(now, 'to stderr', file=sys.stderr)\n"
        "if sys.argv[1] == 'broken': print('no such container'); sys.exit(3)\n"
        "if sys.argv[1] == 'slow': time.sleep(60)\n"
        "if sys.argv[1] == 'loud': [print(now, 'x' * 1000) for _ in range(5000)]\n"
    )
    argv = [sys.executable, str(script), "{container}", "--tail=$HOME"]
    async with telemetry(log_command={"argv": argv}) as ask:
        answer = await ask("query_logs", container="web-1")
        broken = await ask.complaint("query_logs", container="broken")
        loud = await ask("query_logs", container="loud")
        slow = await ask.health("log_recency", container="slow", max_age="1m", timeout="500ms")
        fresh = await ask.health("log_recency", container="web-1", max_age="1m")
    async with telemetry(log_command={"argv": ["/no/such/program", "{container}"]}) as ask:
        missing = await ask.complaint("query_logs", container="web")

    assert any("['web-1', '--tail=$HOME'] False" in m for m in messages(answer))
    assert any("to stderr" in m for m in messages(answer))
    assert "ended with 3: no such container" in broken
    assert loud["truncated"]
    assert (slow["status"], fresh["status"]) == ("unknown", "healthy")
    assert "can't run" in missing


async def test_log_recency_is_three_valued_for_files_and_loki(tmp_path: Path) -> None:
    (tmp_path / "fresh.log").write_text("a line\n")
    (tmp_path / "silent.log").write_text("a line\n")
    os.utime(tmp_path / "silent.log", (time.time() - 600,) * 2)
    async with telemetry(log_files={"pattern": str(tmp_path / "{container}.log")}) as ask:
        assert (await ask.health("log_recency", container="fresh", max_age="30s"))[
            "status"
        ] == "healthy"
        silent = await ask.health("log_recency", container="silent", max_age="30s")
        gone = await ask.health("log_recency", container="gone", max_age="30s")
    assert silent["status"] == "unhealthy" and silent["values"]["age_seconds"] > 500
    assert gone["status"] == "unknown"

    with LokiDouble() as loki:
        loki.write("x", time.time() - 5, container="fresh")
        loki.write("x", time.time() - 600, container="silent")
        async with telemetry(loki={"url": loki.url}) as ask:
            found = {
                name: (await ask.health("log_recency", container=name, max_age="30s"))["status"]
                for name in ("fresh", "silent", "gone")
            }
    assert found == {"fresh": "healthy", "silent": "unhealthy", "gone": "unknown"}


async def test_a_query_needs_loki_and_no_source_is_said(tmp_path: Path) -> None:
    async with telemetry(log_files={"pattern": str(tmp_path / "{container}.log")}) as ask:
        assert "no Loki" in await ask.complaint("query_logs", query='{a="b"}')
    async with telemetry() as ask:
        assert "log_files" in await ask.complaint("query_logs", container="a")
        assert "not configured" in await ask.complaint("query_metrics", query="up")
    async with telemetry(loki={"url": "http://127.0.0.1:1"}) as ask:
        assert "either" in await ask.complaint("query_logs")
