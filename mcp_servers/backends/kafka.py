"""A look at Kafka that changes nothing: even asking for a topic that is not there can create it."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import AsyncIterator
from typing import Any

from mcp_servers.backends.trouble import NotConfigured, SourceTrouble, WrongParameters
from mcp_servers.sources import Sources

INSTALL = "install pipeline-observer[kafka]"


def bootstrap_servers(sources: Sources, cluster: str | None) -> str:
    """The address of a cluster: the one named, else `default`; unnamed, the only one will do.

    Raises:
        NotConfigured: there is none.
        WrongParameters: none has this name.
    """
    clusters = sources.sections.telemetry.kafka
    if not clusters:
        raise NotConfigured("telemetry.kafka is not configured")
    name = cluster or ("default" if len(clusters) > 1 else next(iter(clusters)))
    name = "default" if name not in clusters and "default" in clusters else name
    if name not in clusters:
        raise WrongParameters(
            f"cluster: {name!r} is not in telemetry.kafka ({', '.join(clusters)})"
        )
    return clusters[name].bootstrap_servers


class KafkaLook:
    """One open connection: a consumer that is of no group and commits nothing."""

    def __init__(self, aiokafka: Any, consumer: Any, servers: str) -> None:
        self._aiokafka = aiokafka
        self._servers = servers
        self.consumer = consumer

    async def partitions(self, topic: str | None) -> list[Any]:
        """Every partition of a topic, or of all topics.

        Raises:
            SourceTrouble: the cluster has no such topic.
        """
        topics = await self.consumer.topics()
        if topic is not None and topic not in topics:
            raise SourceTrouble(f"the cluster has no topic {topic!r}")
        return [
            self._aiokafka.TopicPartition(name, number)
            for name in sorted([topic] if topic is not None else topics)
            for number in sorted(self.consumer.partitions_for_topic(name) or ())
        ]

    async def committed(self, group: str, partitions: list[Any]) -> dict[Any, int]:
        """A group's offsets where it has committed any."""
        admin_of = importlib.import_module("aiokafka.admin").AIOKafkaAdminClient
        admin = admin_of(bootstrap_servers=self._servers)
        await admin.start()
        try:
            found = await admin.list_consumer_group_offsets(group, partitions=partitions)
        finally:
            await admin.close()
        return {partition: said.offset for partition, said in found.items() if said.offset >= 0}


@contextlib.asynccontextmanager
async def kafka_look(servers: str) -> AsyncIterator[KafkaLook]:
    """Look at a cluster.

    Raises:
        SourceTrouble: it can't be reached or gives no answer, or aiokafka is not installed.
    """
    try:
        aiokafka = importlib.import_module("aiokafka")
    except ImportError as error:
        raise SourceTrouble(INSTALL) from error
    # It reports what it also raises, and everything raised here is answered.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=servers, group_id=None, enable_auto_commit=False
    )
    try:
        try:
            await consumer.start()
            yield KafkaLook(aiokafka, consumer, servers)
        finally:
            await consumer.stop()
    except aiokafka.errors.KafkaError as error:
        raise SourceTrouble(f"Kafka: {type(error).__name__}: {str(error)[:200]}") from error
