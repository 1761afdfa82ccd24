"""Writes the topic's records to Redis through a pool of clients that it opens for each batch.

A batch that Redis does not take is tried again until it does; a record that is none stops it, as
it stops every consumer that must not lose one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Refused
from redis.exceptions import RedisError

from tests.stack.pipeline.shared import log, run, seconds, serve_metrics, setting

SAMPLES = {"consumer_records_written": 0.0, "consumer_record_errors": 0.0}


async def main() -> None:
    await serve_metrics(int(setting("METRICS_PORT")), lambda: SAMPLES)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=setting("KAFKA"),
        group_id=setting("GROUP"),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    partition = TopicPartition(setting("TOPIC"), 0)
    consumer.assign([partition])
    log("INFO", "consuming")
    try:
        while True:
            found = await consumer.getmany(timeout_ms=int(seconds("BATCH") * 1000))
            for records in found.values():
                await take(records)
                await consumer.commit({partition: records[-1].offset + 1})
            await asyncio.sleep(seconds("BATCH"))
    finally:
        await consumer.stop()


async def take(records: Sequence[ConsumerRecord]) -> None:
    """Write a batch, however often that must be tried."""
    rows = [await parsed(record) for record in records]
    while True:
        try:
            await write(rows)
        except RedisError as error:
            retry = seconds("RETRY")
            log("ERROR", f"{said_of(error)}, retrying in {retry:g}s")
            await asyncio.sleep(retry)
        else:
            SAMPLES["consumer_records_written"] += len(rows)
            return


async def parsed(record: ConsumerRecord) -> dict[str, Any]:
    """The record's row; without one there is no going on."""
    while True:
        try:
            row = json.loads(record.value or b"")
            return {"entity": int(row["entity"]), "at": float(row["at"])}
        except (ValueError, KeyError, TypeError) as error:
            SAMPLES["consumer_record_errors"] += 1
            what = type(error).__name__
            log("ERROR", f"cannot parse record at offset {record.offset}: {what}")
            await asyncio.sleep(seconds("RETRY"))


async def write(rows: Sequence[dict[str, Any]]) -> None:
    """Open every client of the pool, write, and close them all."""
    clients = int(setting("POOL"))
    pool = ConnectionPool.from_url(
        setting("REDIS"), max_connections=clients, retry=Retry(NoBackoff(), 0)
    )
    try:
        for client in [await pool.get_connection() for _ in range(clients)]:
            await pool.release(client)
        pipeline = Redis(connection_pool=pool).pipeline(transaction=False)
        for row in rows:
            pipeline.set(f"entity:{row['entity']}", json.dumps(row))
        pipeline.set("newest_at", max(row["at"] for row in rows))
        await pipeline.execute()
    finally:
        await pool.disconnect()


def said_of(error: RedisError) -> str:
    """What an operator reads of it."""
    if isinstance(error, Refused) and "max number of clients" in str(error):
        return "Redis connection pool exhausted"
    return f"Redis write failed: {error}"


if __name__ == "__main__":
    run(main())
