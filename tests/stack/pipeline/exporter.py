"""Age of the newest record in Redis and the consumer's lag, for Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.stack.pipeline.shared import run, seconds, serve_metrics, setting


async def main() -> None:
    group = setting("GROUP")
    age, lag = (
        'redis_data_age_seconds{group="primary"}',
        f'kafka_consumer_group_lag{{group="{group}"}}',
    )
    newest, samples = 0.0, {}

    def now() -> dict[str, float]:
        return {age: time.time() - newest, **samples} if newest else samples

    await serve_metrics(int(setting("METRICS_PORT")), now)
    redis = Redis.from_url(setting("REDIS"))
    consumer = AIOKafkaConsumer(
        bootstrap_servers=setting("KAFKA"), group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    partition = TopicPartition(setting("TOPIC"), 0)
    consumer.assign([partition])
    try:
        while True:
            with contextlib.suppress(RedisError):  # the age grows on: nothing newer is known
                newest = float(await redis.get("newest_at") or 0)
            end = (await consumer.end_offsets([partition]))[partition]
            samples[lag] = float(end - (await consumer.committed(partition) or 0))
            await asyncio.sleep(seconds("BATCH"))
    finally:
        await consumer.stop()
        await redis.aclose()


if __name__ == "__main__":
    run(main())
