"""The example's known errors on a real Redis: what works there, and what it does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from observer.domain.conditions import Truth, parse_condition
from observer.domain.remedy import Remedy
from observer.settings import load_configuration
from tests.crash.evidence import until
from tests.docs.test_known_errors import example_config
from tests.stack.part import program
from tests.stack.redis_server import RedisServer

pytestmark = pytest.mark.slow
COUNT, SIZE = 20_000, 1500


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url) as connected:
        yield connected
        connected.flushall()


@pytest.fixture(scope="module")
def remedies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Remedy]:
    config = example_config(tmp_path_factory.mktemp("example"))
    found = load_configuration(config).known_errors
    return {known.id: known.remedy for known in found if known.remedy is not None}


def run_inside(server: RedisServer, argv: list[str]) -> subprocess.CompletedProcess[str]:
    """What `container_exec` does, for this Redis: its port and password stand in its container."""
    assert argv[0] == "redis-cli"
    return subprocess.run(
        [program("redis-cli"), "-p", str(server.port), *argv[1:]],
        env={**os.environ, "REDISCLI_AUTH": server.password},
        capture_output=True,
        text=True,
        timeout=10,
    )


def memory(client: redis.Redis) -> dict[str, float]:
    """Redis' figures under the exporter's names."""
    told: Any = client.info("memory")
    return {
        "redis_allocator_rss_bytes": told["allocator_rss_bytes"],
        "redis_allocator_frag_bytes": told["allocator_frag_bytes"],
    }


def delete(client: redis.Redis, *, one_in: int) -> None:
    """Fill Redis and delete all, or all but one in so many."""
    with client.pipeline(transaction=False) as filling:
        for i in range(COUNT):
            filling.set(f"k{i}", "x" * SIZE)
        filling.execute()
    with client.pipeline(transaction=False) as deleting:
        for i in range(COUNT):
            if one_in == 0 or i % one_in:
                deleting.delete(f"k{i}")
        deleting.execute()


def test_memory_of_what_was_deleted_is_given_back_on_every_build(
    redis_server: RedisServer, client: redis.Redis, remedies: dict[str, Remedy]
) -> None:
    (call,) = remedies["ke-006"].actions
    assert (call.tool, call.args["container"]) == ("container_exec", "redis")
    delete(client, one_in=0)
    kept = until(lambda: _above(client, "redis_allocator_rss_bytes", COUNT * SIZE / 2), "kept")

    done = run_inside(redis_server, call.args["argv"])

    assert (done.returncode, done.stdout) == (0, "OK\n")
    freed = f"redis_allocator_rss_bytes < {kept / 2:.0f}"
    until(lambda: parse_condition(freed).judge(memory(client))[0] is Truth.TRUE, freed)


def test_holes_between_the_data_are_another_figure_than_memory_that_is_kept(
    client: redis.Redis, remedies: dict[str, Remedy]
) -> None:
    """What tells ke-003 from ke-006."""
    delete(client, one_in=4)
    holes = until(lambda: _above(client, "redis_allocator_frag_bytes", COUNT * SIZE / 2), "holes")
    assert memory(client)["redis_allocator_rss_bytes"] < holes / 2
    for known, metric in (("ke-003", "frag"), ("ke-006", "rss")):
        condition = parse_condition(remedies[known].check.condition)
        assert condition.metric == f"redis_allocator_{metric}_bytes"
        assert condition.judge(memory(client))[0] is Truth.TRUE


def test_where_redis_cannot_defragment_its_answer_is_an_error_and_its_exit_code_is_not(
    redis_server: RedisServer, remedies: dict[str, Remedy]
) -> None:
    """Case 92."""
    (call,) = remedies["ke-003"].actions
    wanted = [call.args["parameter"], call.args["value"]]
    assert wanted == ["activedefrag", "yes"]
    done = run_inside(redis_server, ["redis-cli", "CONFIG", "SET", *wanted])
    assert done.returncode == 0
    assert done.stdout == "OK\n" or done.stdout.startswith("ERR CONFIG SET failed")


def test_the_seeds_command_for_idle_clients_is_none_so_ke_001_calls_a_tool(
    redis_server: RedisServer, remedies: dict[str, Remedy]
) -> None:
    """Case 92."""
    done = run_inside(redis_server, ["redis-cli", "CLIENT", "KILL", "AGE", "300"])
    assert (done.returncode, done.stdout.strip()) == (0, "ERR syntax error")
    (call,) = remedies["ke-001"].actions
    assert call.tool == "redis_kill_idle_clients"


def _above(client: redis.Redis, metric: str, low: float) -> float | None:
    value = memory(client)[metric]
    return value if value > low else None
