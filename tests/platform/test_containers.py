"""container_restart and container_exec: argument lists, and replies that are read."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from mcp_servers.actions.containers import RestartContainer
from tests.platform.scenes import crash_before_record, over_stdio, platform, runs, script
from tests.stack.part import program, wait_until
from tests.stack.redis_server import RedisServer
from tests.telemetry.scenes import Asker

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]

NODES = {
    "app": {"type": "process", "container": "app"},
    "elsewhere": {"type": "process", "container": "unknown"},
    "bare": {"type": "process"},
}


async def execute(ask: Asker, *argv: str, key: str = "k") -> dict[str, Any]:
    return await ask("container_exec", container="app", argv=list(argv), idempotency_key=key)


async def refused(ask: Asker, *argv: str, key: str = "k") -> str:
    return await ask.complaint(
        "container_exec", container="app", argv=list(argv), idempotency_key=key
    )


async def test_a_command_runs_once_with_its_words_as_they_are(tmp_path: Path) -> None:
    told = {"app": {"argv": [sys.executable, "-c", "import sys; print(sys.argv[1:])"]}}
    async with platform(tmp_path, NODES, containers=told) as ask:
        done = await execute(ask, "echo", "$HOME; rm -rf /", "-n", "*")
        again = await execute(ask, "echo", "$HOME; rm -rf /", "-n", "*")
        other = await refused(ask, "echo", "another")

    assert done["output"] == "['echo', '$HOME; rm -rf /', '-n', '*']\n" and again == done
    assert "needs a key of its own" in other


async def test_over_ssh_each_word_stays_one_word(tmp_path: Path) -> None:
    """ssh joins its words and gives them to a shell over there."""
    ssh = script(
        tmp_path / "ssh",
        "import os, sys; os.system(' '.join(sys.argv[2:]))",
    )
    async with platform(tmp_path, NODES, containers={"app": {"argv": [ssh, "host"]}}) as ask:
        done = await execute(ask, "echo", "$HOME; echo gone", "two  words")

    assert done["output"] == "$HOME; echo gone two  words\n"


async def test_a_refusal_with_exit_code_0_is_a_failure(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    """Case 92: redis-cli prints ERR and ends with 0."""
    cli = [program("redis-cli"), "-p", str(redis_server.port), "--no-auth-warning"]
    known = [*cli, "-a", redis_server.password]
    told = {"app": {"argv": known}, "locked": {"argv": cli}}
    async with platform(tmp_path, NODES, containers=told) as ask:
        fine = await execute(ask, "PING", key="1")
        defrag = await refused(ask, "CONFIG", "SET", "activedefrag", "yes", key="2")
        syntax = await refused(ask, "CLIENT", "KILL", "AGE", "300", key="3")
        await execute(ask, "SET", "word", "x", key="4")
        kind = await refused(ask, "LPUSH", "word", "x", key="5")
        locked = await ask.complaint(
            "container_exec", container="locked", argv=["PING"], idempotency_key="6"
        )
        found = await ask("find_platform_action", idempotency_key="2")

    assert fine["output"] == "PONG\n"
    assert "ended with 0 and said: ERR" in defrag and "ended with 0 and said: ERR" in syntax
    assert "WRONGTYPE" in kind and "NOAUTH" in locked
    assert found["found"] and found["result"]["error"].startswith("(error) ")


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        ("(error) ERR unknown command", True),
        ("\n  NOAUTH Authentication required.", True),
        ("OOM command not allowed", True),
        ("READONLY You can't write", True),
        ("OK", False),
        ("ERRORS 0", False),
        ("NAME READY STATUS", False),
        ("fine\nERR in the second line is data", False),
    ],
)
async def test_only_a_first_line_that_is_an_error_reply_is_one(
    tmp_path: Path, text: str, fails: bool
) -> None:
    """Case 92."""
    async with platform(tmp_path, NODES, containers={"app": {"argv": []}}) as ask:
        argv = [sys.executable, "-c", f"print({text!r})"]
        call = {"container": "app", "argv": argv, "idempotency_key": "k"}
        reply = await ask.session.call_tool("container_exec", call)

    assert reply.isError is fails


async def test_a_command_that_fails_says_why_and_stays_failed(tmp_path: Path) -> None:
    counter = tmp_path / "runs"
    code = f"import sys; open({str(counter)!r}, 'a').write('x'); sys.exit('no such thing')"
    async with platform(tmp_path / "data", NODES, containers={"app": {"argv": []}}) as ask:
        said = [await refused(ask, sys.executable, "-c", code) for _ in range(2)]
        missing = await refused(ask, "/no/such/program", key="2")

    assert "ended with 1: no such thing" in said[0] and said[1] == said[0]
    assert counter.read_text() == "x"
    assert "can't run: No such file" in missing


async def test_output_is_bounded(tmp_path: Path) -> None:
    async with platform(tmp_path, NODES, containers={"app": {"argv": []}}) as ask:
        done = await execute(ask, sys.executable, "-c", "print('x' * 3_000_000)")

    assert done["truncated"] and len(done["output"]) == 16_000


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["sh", "-c", "rm -rf /"], "is a shell"),
        (["/bin/bash"], "is a shell"),
        (["-u", "root", "id"], "no name of a program"),
        (["echo; rm"], "no name of a program"),
        (["echo", "two\nlines"], "validation error"),
        (["echo", "nul\x00"], "validation error"),
        ([], "validation error"),
        (["echo", *["x"] * 64], "validation error"),
        (["echo", "x" * 4001], "validation error"),
        (["echo", 5], "validation error"),
    ],
)
async def test_no_shell_and_no_strange_words(tmp_path: Path, argv: list[Any], words: str) -> None:
    """Case 65."""
    async with platform(tmp_path, NODES, containers={"app": {"argv": []}}) as ask:
        call = {"container": "app", "idempotency_key": "k"}
        said = await ask.complaint("container_exec", argv=argv, **call)
        found = await ask("find_platform_action", idempotency_key="k")

    assert words in said and found["found"] is False


async def test_a_container_is_restarted_by_its_own_command_alone(tmp_path: Path) -> None:
    log = tmp_path / "said"
    docker = script(
        tmp_path / "docker",
        f"import sys; open({str(log)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')",
    )
    data = tmp_path / "data"
    told = {"app": {"restart": [docker, "restart", "app"]}, "quiet": {"argv": []}}
    async with platform(data, NODES, containers=told) as ask:
        call = {"reason": "stuck", "idempotency_key": "k"}
        done = await ask("container_restart", node="app", **call)
        again = await ask("container_restart", node="app", **call)
        elsewhere, bare = [
            await ask.complaint("container_restart", node=n, reason="r", idempotency_key=n)
            for n in ("elsewhere", "bare")
        ]
        crash_before_record(data)
        unclear = await ask.complaint("find_platform_action", idempotency_key="k")
        repeated = await ask.complaint("container_restart", node="app", **call)

    assert done["container"] == "app" and again == done
    assert log.read_text() == "restart app\n", "an unclear restart is never repeated blindly"
    assert "no restart for unknown" in elsewhere and "has no container" in bare
    assert "(unknown) whether container_restart on app was done" in unclear
    assert "(unknown) " in repeated and "can't be seen" in repeated


async def test_a_restart_that_does_not_end_in_time_is_unclear_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 26: the outcome of a write is unknown then; the command and its children are ended."""
    monkeypatch.setattr(RestartContainer, "limit_s", 0.5)
    pids = tmp_path / "pids"
    slow = script(
        tmp_path / "slow",
        f"""import os, time
os.fork()
open({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\n')
time.sleep(60)""",
    )
    async with platform(tmp_path / "data", NODES, containers={"app": {"restart": [slow]}}) as ask:
        said = await ask.complaint(
            "container_restart", node="app", reason="stuck", idempotency_key="k"
        )
    left = [int(pid) for pid in pids.read_text().split()]

    assert said.startswith("Error executing tool container_restart: (unknown) ")
    assert "did not end within 0.5 s" in said
    assert len(left) == 2
    wait_until(lambda: not any(runs(pid) for pid in left), "both have ended")


async def test_our_passwords_are_in_no_output_and_no_record(tmp_path: Path) -> None:
    """Case 48: a command that prints what it should not."""
    url = "redis://:canary%2Fone@127.0.0.1:1"
    script(tmp_path / "leaks", f"import os; print({url!r}, 'canary/one', dict(os.environ))")
    async with over_stdio(
        tmp_path, NODES, redis={"r": {"url": url}}, containers={"app": {"argv": []}}
    ) as ask:
        done = await execute(ask, str(tmp_path / "leaks"))
        cut = f"import sys; sys.exit('x' * 295 + {'canary/one'!r})"
        said = await refused(ask, sys.executable, "-c", cut, key="2")
    kept = [path for path in (tmp_path / "platform").rglob("*") if path.is_file()]
    records = "".join(path.read_text() for path in kept if path.suffix == ".json")

    assert "redis://:[masked]@127.0.0.1:1 [masked]" in done["output"]
    assert "OBSERVER_SECTIONS" not in done["output"]
    assert "canary" not in json.dumps(done)
    assert "xxx[mask" in said and "can" not in said.partition("xxx")[2]
    assert "canary" not in records
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept)
