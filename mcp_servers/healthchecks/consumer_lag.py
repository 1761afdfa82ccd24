"""consumer_lag: how many records a consumer group has still to read."""

from typing import Annotated

from pydantic import Field

from mcp_servers.backends.kafka import bootstrap_servers, kafka_look
from mcp_servers.healthchecks.contract import (
    Method,
    Name,
    Parameters,
    healthy,
    unhealthy,
    unknown,
)
from mcp_servers.sources import Sources
from mcp_servers.telemetry_results import Health


class ConsumerLag(Parameters):
    consumer_group: Name
    lag_threshold: Annotated[int, Field(ge=0)]
    topic: Name | None = None
    cluster: Name | None = None


async def check(parameters: ConsumerLag, sources: Sources) -> Health:
    group, most = parameters.consumer_group, parameters.lag_threshold
    async with kafka_look(bootstrap_servers(sources, parameters.cluster)) as look:
        partitions = await look.partitions(parameters.topic)
        committed = await look.committed(group, partitions)
        if not committed:
            return unknown(f"group {group} has committed nothing, which is no lag of 0")
        topics = {partition.topic for partition in committed}
        partitions = [p for p in partitions if p.topic in topics]
        ends = await look.consumer.end_offsets(partitions)
        begins = await look.consumer.beginning_offsets(partitions)
    lag = sum(max(0, ends[p] - offset) for p, offset in committed.items())
    values = {"lag": lag, "partitions": len(partitions)}
    if lag > most:
        return unhealthy(f"group {group} lags by {lag} records, more than {most}", **values)
    # Where it has committed nothing it may have read everything, or never have started.
    unread = [p for p in partitions if p not in committed and ends[p] > begins[p]]
    if unread:
        words = f"group {group} has committed nothing for {len(unread)} of {len(partitions)}"
        return unknown(f"{words} partitions that hold records")
    return healthy(f"group {group} lags by {lag} records", **values)


METHOD = Method(ConsumerLag, check)
