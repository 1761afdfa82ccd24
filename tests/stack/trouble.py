"""What can be done to the pipeline, and how it is undone."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import suppress

from redis import Redis
from redis.exceptions import OutOfMemoryError

from tests.stack.kafka import Kafka
from tests.stack.redis_server import RedisServer
from tests.stack.supervisord import Supervisord

TOPIC = "entity_filtered_v1"
CONSUMER_GROUP = "redis-writer-entity"
SUPERVISOR_GROUP = "primary_processes"
CONSUMER, PRODUCER = "kafka_to_redis_entity", "websocket_kafka_entity"
MAX_CLIENTS, MAX_MEMORY = 300, "24mb"


class Faults:
    """Every fault is a method, and so is its end; each does what the world would do."""

    def __init__(self, kafka: Kafka, redis: RedisServer, supervisord: Supervisord) -> None:
        self.kafka = kafka
        self.redis = redis
        self.supervisord = supervisord
        self._idle: list[socket.socket] = []

    def client(self) -> Redis:
        """A connection of the test's own."""
        return Redis.from_url(self.redis.url, decode_responses=True)

    def exhaust_clients(self) -> None:
        """Idle connections until so few places are left that the consumer's pool has none."""
        while len(self._idle) < MAX_CLIENTS - 6:
            line = socket.create_connection(("127.0.0.1", self.redis.port))
            line.settimeout(5)
            line.sendall(f"AUTH {self.redis.password}\r\n".encode())
            if line.recv(100).startswith(b"+OK"):
                self._idle.append(line)
            else:
                line.close()  # the consumer's own clients were there; they will be gone

    def release_clients(self) -> None:
        """Close them again."""
        while self._idle:
            self._idle.pop().close()

    def pid(self, process: str) -> int:
        """A supervised process' id."""
        return self.supervisord.rpc.getProcessInfo(f"{SUPERVISOR_GROUP}:{process}")["pid"]

    def signal(self, process: str, number: signal.Signals) -> None:
        """Send a supervised process a signal, as the system would."""
        os.kill(self.pid(process), number)

    def stop_process(self, process: str) -> None:
        """Stop a process as an operator would."""
        self.supervisord.rpc.stopProcess(f"{SUPERVISOR_GROUP}:{process}")

    def start_process(self, process: str) -> None:
        """Start a process as an operator would."""
        if self.supervisord.state(f"{SUPERVISOR_GROUP}:{process}") != "RUNNING":
            self.supervisord.rpc.startProcess(f"{SUPERVISOR_GROUP}:{process}")

    def poison(self) -> None:
        """A record that is none."""
        asyncio.run(self.kafka.produce(TOPIC, 0, 1))

    def skip_records(self) -> None:
        """What only a person may decide: the consumer goes on behind what is in the topic now."""
        self.stop_process(CONSUMER)
        asyncio.run(self.kafka.skip(CONSUMER_GROUP, TOPIC))
        self.start_process(CONSUMER)

    def fill_memory(self) -> None:
        """Keys until Redis takes no more."""
        number = 0
        for size in (100_000, 100):  # the second client is small, and leaves little when it goes
            with self.client() as redis, suppress(OutOfMemoryError):
                while True:
                    number += 1
                    redis.set(f"filler:{number}", "x" * size)

    def empty_memory(self) -> None:
        """Take them away again, and every change of the limit."""
        with self.client() as redis:
            for key in redis.scan_iter("filler:*"):
                redis.delete(key)
            redis.config_set("maxmemory", MAX_MEMORY)
