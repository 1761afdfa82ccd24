"""Streams the upstream feed into the topic; on a broken connection it tries again for ever."""

from __future__ import annotations

import asyncio
import contextlib

from aiokafka import AIOKafkaProducer

from tests.stack.pipeline.shared import log, run, seconds, serve_metrics, setting

SAMPLES = {"ws_messages_received": 0.0, "ws_reconnection_count": 0.0}


async def main() -> None:
    await serve_metrics(int(setting("METRICS_PORT")), lambda: SAMPLES)
    producer = AIOKafkaProducer(bootstrap_servers=setting("KAFKA"))
    await producer.start()
    retry = seconds("RETRY")
    try:
        while True:
            with contextlib.suppress(OSError):
                await stream(producer)
            SAMPLES["ws_reconnection_count"] += 1
            log("ERROR", f"WebSocket disconnected, reconnecting in {retry:g}s")
            await asyncio.sleep(retry)
    finally:
        await producer.stop()


async def stream(producer: AIOKafkaProducer) -> None:
    """Forward lines until the feed ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(setting("FEED_PORT")))
    log("INFO", "connected to the upstream feed")
    try:
        while line := await reader.readline():
            await producer.send_and_wait(setting("TOPIC"), line.strip(), partition=0)
            SAMPLES["ws_messages_received"] += 1
            if SAMPLES["ws_messages_received"] % 20 == 0:
                log("INFO", "20 messages forwarded")
    finally:
        writer.close()


if __name__ == "__main__":
    run(main())
