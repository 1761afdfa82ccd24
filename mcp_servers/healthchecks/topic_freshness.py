"""topic_freshness: the newest record of a topic is not old."""

from mcp_servers.backends.kafka import KafkaLook, bootstrap_servers, kafka_look
from mcp_servers.healthchecks.contract import (
    Method,
    Name,
    Parameters,
    Seconds,
    healthy,
    unhealthy,
    unknown,
)
from mcp_servers.sources import Sources
from mcp_servers.telemetry_results import Health


class TopicFreshness(Parameters):
    topic: Name
    max_age: Seconds
    cluster: Name | None = None


async def check(parameters: TopicFreshness, sources: Sources) -> Health:
    topic = parameters.topic
    async with kafka_look(bootstrap_servers(sources, parameters.cluster)) as look:
        partitions = await look.partitions(topic)
        ends = await look.consumer.end_offsets(partitions)
        begins = await look.consumer.beginning_offsets(partitions)
        last = {p: ends[p] - 1 for p in partitions if ends[p] > begins[p]}
        if not last:
            return unknown(f"topic {topic} holds no record")
        newest = await _newest(look, last, fresh=sources.clock() - parameters.max_age)
    age = max(0.0, sources.clock() - newest)
    words = f"the newest record of {topic} is {age:.1f} s old"
    if age > parameters.max_age:
        return unhealthy(f"{words}, more than {parameters.max_age:g} s", age_seconds=age)
    return healthy(words, age_seconds=age)


async def _newest(look: KafkaLook, last: dict, fresh: float) -> float:
    """The time of the newest record; one that is fresh enough ends the search."""
    look.consumer.assign(list(last))
    for partition, offset in last.items():
        look.consumer.seek(partition, offset)
    newest, waiting = 0.0, set(last)
    while waiting and newest < fresh:
        for partition, records in (await look.consumer.getmany(timeout_ms=1000)).items():
            newest = max(newest, *(record.timestamp / 1000 for record in records))
            waiting.discard(partition)
    return newest


METHOD = Method(TopicFreshness, check)
