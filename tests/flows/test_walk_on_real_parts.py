"""Seed 002's walk on a real broker, Redis and supervisord: `observer tree why` by its checks."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.flows.configs import edited_config
from tests.observer_process import ROOT
from tests.stack.kafka import Kafka
from tests.stack.part import free_port
from tests.stack.redis_server import RedisServer
from tests.stack.supervisord import Supervisord

pytestmark = pytest.mark.slow
GROUP = "redis-writer-entity"
HOUR_MS = 3_600_000


class Stack:
    """The parts of the seed's pipeline, and the configuration that says where they are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kafka = Kafka(folder / "kafka")
        self.redis = RedisServer(folder / "redis")
        self.supervisord = Supervisord(folder / "supervisord")
        self.feed = socket.create_server(("127.0.0.1", 0))

    def why(self, topic: str, *, process: str = "worker", feed: int = 0) -> dict[str, Any]:
        """What the walk finds for a topic, with this producer and this upstream port."""
        port = feed or self.feed.getsockname()[1]
        config = self._config(self.folder / f"config-{topic}", topic, process, port)
        command = [sys.executable, "-m", "observer.cli.app", "tree", "why", "freshness", "--json"]
        command += ["--config", str(config), "--data-dir", str(self.folder / "var")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert self.redis.password not in done.stdout + done.stderr
        return json.loads(done.stdout)

    def _config(self, folder: Path, topic: str, process: str, port: int) -> Path:
        told = {
            "telemetry": {"kafka": {"default": {"bootstrap_servers": self.kafka.servers}}},
            "platform": {
                "redis": {"redis_instance": {"url": self.redis.url}},
                "supervisor": {"url": self.supervisord.url},
            },
        }
        server = (
            "mcp_servers:\n  telemetry:\n"
            "    command: [python, -m, mcp_servers.telemetry_tools]\n"
            "    sections: [telemetry, platform]\n"
        )
        row = "actions:\n  check_health: {level: full, blast_radius: 1}\n"
        rows = row + "".join(
            f"  {tool}: {{level: full, blast_radius: 1}}\n"
            for tool in ("query_metrics", "query_logs")
        )
        edits = {
            "observer.yaml": {"mcp_servers:\n": yaml.safe_dump(told) + server},
            "autonomy.yaml": {"actions:\n": rows},
            "known_errors.yaml": {"node: transformation": "node: consumer"},
            "runbook.yaml": {"stage: indexing": "stage: consumer"},
        }
        config = edited_config(folder, edits)
        (config / "dependency_tree.yaml").write_text(_tree(topic, process, port))
        return config


def _tree(topic: str, process: str, port: int) -> str:
    return f"""\
metrics:
  freshness:
    description: Age of the newest entity
    sla: {{threshold: 60s, window: ALWAYS}}
    depends_on:
      - node: consumer
        type: process
        healthcheck:
          method: consumer_lag
          consumer_group: {GROUP}
          topic: {topic}
          lag_threshold: 10
        depends_on:
          - node: topic
            type: kafka_topic
            healthcheck: {{method: topic_freshness, topic: {topic}, max_age: 10m}}
            depends_on:
              - node: ingestion
                type: process
                healthcheck: {{method: supervisor_state, process: "pipeline:{process}"}}
                depends_on:
                  - node: feed
                    type: external
                    healthcheck: {{method: tcp_connect, host: 127.0.0.1, port: {port}}}
      - node: redis
        type: infrastructure
        healthcheck: {{method: redis_ping, redis: redis_instance}}
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made = Stack(tmp_path_factory.mktemp("stack"))
    with made.kafka, made.redis, made.supervisord, closing(made.feed):
        yield made


def fill(stack: Stack, topic: str, *, read: int, of: int, fresh: bool = True) -> None:
    """A topic with so many records, of which the consumer's group has read so many."""

    async def work() -> None:
        at_ms = 0 if fresh else int(time.time() * 1000) - HOUR_MS
        await stack.kafka.make_topic(topic)
        await stack.kafka.produce(topic, 0, of, at_ms)
        await stack.kafka.commit(GROUP, topic, {0: read})

    asyncio.run(work())


@pytest.mark.parametrize("exhausted", [True, False], ids=["redis is full", "redis is well"])
def test_a_lag_is_the_destinations_fault_where_that_is_ill_and_the_consumers_where_not(
    stack: Stack, exhausted: bool
) -> None:
    """The seed's own case: lag, a topic that advances, and no connection left in Redis."""
    topic = f"lagging-{exhausted}"
    fill(stack, topic, read=5, of=30)

    with stack.redis.exhausted() if exhausted else nullcontext():
        found = stack.why(topic)

    (cause,) = found["causes"]
    cleared = {look["node"] for look in found["excluded"]}
    if exhausted:
        assert cause["node"] == "redis"
        assert cause["because"].endswith("; consumer waits for it")
        assert [look["node"] for look in found["waypoints"]] == ["consumer"]
        assert cleared == {"topic"}
    else:
        assert (cause["node"], cleared) == ("consumer", {"topic", "redis"})
        assert cause["path"] == ["freshness", "consumer"]


@pytest.mark.parametrize(
    ("process", "feed_is_there", "cause"),
    [("parked", True, "ingestion"), ("broken", False, "feed"), ("worker", True, "topic")],
    ids=["the producer is stopped", "the upstream is gone", "nobody knows why nothing comes"],
)
def test_stale_data_without_a_lag_is_traced_upstream(
    stack: Stack, process: str, feed_is_there: bool, cause: str
) -> None:
    topic = f"stale-{process}"
    fill(stack, topic, read=20, of=20, fresh=False)

    found = stack.why(topic, process=process, feed=0 if feed_is_there else free_port())

    assert [c["node"] for c in found["causes"]] == [cause]
    chain = ["freshness", "consumer", "topic", "ingestion", "feed"]
    assert found["causes"][0]["path"] == chain[: chain.index(cause) + 1]
    assert {"consumer", "redis"} <= {look["node"] for look in found["excluded"]}


def test_a_broker_that_cannot_be_asked_blames_nobody(stack: Stack) -> None:
    """Case 28: what we look through is down, so consumer and topic are unseen, not ill."""
    servers, stack.kafka.port = stack.kafka.port, free_port()
    try:
        found = stack.why("anything")
    finally:
        stack.kafka.port = servers

    assert found["causes"] == []
    assert {look["node"] for look in found["unseen"]} == {"consumer", "topic"}
    assert {look["node"] for look in found["excluded"]} == {"redis", "ingestion", "feed"}
