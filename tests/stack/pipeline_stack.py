"""Seed 002's pipeline, real and small: feed, producer, Kafka, consumer, Redis, and what watches it.

Names and figures are those of the shipped `stack` example; only durations are short.
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from observer.settings.examples import write_example
from tests.doubles.channel_servers import GITHUB_TOKEN, GitHubDouble
from tests.observer_process import ROOT
from tests.stack.kafka import Kafka
from tests.stack.loki_files import LokiOverFiles
from tests.stack.monitoring import Alertmanager, RedisExporter, WatchingPrometheus
from tests.stack.part import Part, free_port, wait_until
from tests.stack.pipeline_config import SHORT, edit_all, rules, tell_people
from tests.stack.program import PROGRAM, Program
from tests.stack.redis_server import RedisServer
from tests.stack.supervisord import Supervisord
from tests.stack.trouble import (
    CONSUMER,
    CONSUMER_GROUP,
    MAX_CLIENTS,
    MAX_MEMORY,
    PRODUCER,
    SUPERVISOR_GROUP,
    TOPIC,
    Faults,
)

SECRETS = {"GITHUB_TOKEN": GITHUB_TOKEN}
"""The environment that the configuration needs."""
FRESH_S = 1.0
"""On a good day the newest record is younger than this."""


class PipelineStack(Faults):
    """All parts on free ports; `stop` ends what `start` began, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True)
        self.ports = {name: free_port() for name in ("feed", CONSUMER, PRODUCER, "exporter")}
        super().__init__(
            Kafka(folder / "kafka"),
            RedisServer(
                folder / "redis",
                clients=MAX_CLIENTS,
                settings=f"--maxmemory {MAX_MEMORY} --maxmemory-policy noeviction",
            ),
            Supervisord(folder / "supervisord", self._programs()),
        )
        self.feed = Program(folder / "feed", "feed", self.ports["feed"])
        self.exporter = Program(folder / "exporter", "exporter", self.ports["exporter"])
        self.redis_exporter = RedisExporter(
            folder / "redis_exporter", self.redis.port, self.redis.password
        )
        self.alertmanager = Alertmanager(folder / "alertmanager")
        self.prometheus = WatchingPrometheus(
            folder / "prometheus",
            {
                CONSUMER: self.ports[CONSUMER],
                PRODUCER: self.ports[PRODUCER],
                "pipeline": self.ports["exporter"],
                "redis": self.redis_exporter.port,
            },
            rules(folder),
            self.alertmanager.port,
        )
        self.github = GitHubDouble()
        self.loki = LokiOverFiles(self.logs)
        for part in (self.feed, self.exporter, self.supervisord):
            part.environment = self._environment()

    def _programs(self) -> str:
        named = {CONSUMER: "consumer", PRODUCER: "producer"}
        containers = {CONSUMER: "primary_kafka_to_redis", PRODUCER: "primary_websocket_kafka"}
        text = "".join(
            PROGRAM.format(
                name=name,
                module=module,
                python=sys.executable,
                root=ROOT,
                log=self.logs / f"{containers[name]}.log",
            )
            + f'environment=PIPELINE_METRICS_PORT="{self.ports[name]}"\n'
            for name, module in named.items()
        )
        return f"{text}[group:{SUPERVISOR_GROUP}]\nprograms={','.join(named)}\n"

    def _environment(self) -> dict[str, str]:
        """What the programs are told; each of supervisord's has its own METRICS_PORT, too."""
        told = {
            "KAFKA": self.kafka.servers,
            "REDIS": self.redis.url,
            "TOPIC": TOPIC,
            "GROUP": CONSUMER_GROUP,
            "FEED_PORT": self.ports["feed"],
            "METRICS_PORT": self.ports["exporter"],
            "EVERY": 0.05,
            "BATCH": 0.1,
            "RETRY": 0.4,
            "POOL": 10,
        }
        return {f"PIPELINE_{name}": str(value) for name, value in told.items()}

    def start(self) -> Self:
        """Start everything but Alertmanager, side by side, and wait until records arrive."""
        try:
            with ThreadPoolExecutor() as side_by_side:
                begun = [
                    side_by_side.submit(part.start)
                    for part in (self.redis, self.feed, self.prometheus, self.redis_exporter)
                ]
                self.kafka.start()
                asyncio.run(self.kafka.make_topic(TOPIC))
                begun[0].result()
                begun += [
                    side_by_side.submit(part.start) for part in (self.supervisord, self.exporter)
                ]
                for one in begun:
                    one.result()
            self.wait_until_well()
        except BaseException:
            self.stop()
            raise
        return self

    def addresses(self) -> dict[str, dict[str, str]]:
        """By file of the shipped example: the address that stands there, and where it is here."""
        return {
            "observer.yaml": {
                "http://127.0.0.1:9090": self.prometheus.url,
                "http://127.0.0.1:3100": self.loki.url,
                "127.0.0.1:9092": self.kafka.servers,
                "http://127.0.0.1:9001/RPC2": self.supervisord.url,
                "redis://127.0.0.1:6379": self.redis.url,
            },
            "dependency_tree.yaml": {"port: 8443": f"port: {self.feed.port}"},
        }

    def config(self, folder: Path) -> Path:
        """The shipped example, told where these parts are, with durations that fit a test."""
        write_example("stack", folder)
        for changes in (self.addresses(), SHORT):
            edit_all(folder, changes)
        tell_people(folder, self.github.url)
        return folder

    def tell(self, observer_url: str) -> None:
        """Let Alertmanager tell an observer."""
        self.alertmanager.tell(f"{observer_url}/alerts/alertmanager")
        self.alertmanager.start()

    def stop(self) -> None:
        """End every part that was started."""
        self.release_clients()
        with ExitStack() as ending:
            ending.callback(self.loki.close)
            ending.callback(self.github.close)
            for part in self.parts():
                ending.callback(part.stop)

    def parts(self) -> list[Part]:
        """In the order in which they may go last: what others stand on first."""
        return [
            *(self.kafka, self.redis, self.feed, self.exporter, self.supervisord),
            *(self.redis_exporter, self.prometheus, self.alertmanager),
        ]

    # What is seen of it.

    def is_well(self) -> bool:
        """Whether data flows and nothing alerts."""
        ask = self.prometheus.value
        age, lag = ask("redis_data_age_seconds"), ask("kafka_consumer_group_lag")
        clients, received = ask("redis_connected_clients"), ask("rate(ws_messages_received[2s])")
        if age is None or clients is None or lag is None or not received:
            return False
        return age < FRESH_S and clients < 100 and lag < 20 and not self.prometheus.firing()

    def wait_until_well(self) -> None:
        """Wait until a good day."""
        wait_until(self.is_well, "data flows")

    def redis_commands(self) -> dict[str, int]:
        """How often each command was called since the start, by Redis' own count."""
        with self.client() as redis:
            stats = redis.info("commandstats")
        return {name.removeprefix("cmdstat_"): row["calls"] for name, row in stats.items()}

    def supervisord_log(self) -> list[str]:
        """What supervisord itself wrote of starts and stops."""
        lines = (self.supervisord.folder / "supervisord.log").read_text().splitlines()
        return [line.split(" ", 3)[-1] for line in lines]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
