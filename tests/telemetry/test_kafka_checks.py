"""consumer_lag and topic_freshness on a broker that speaks Kafka's protocol (case 28)."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import AbstractAsyncContextManager

import pytest

from mcp_servers.backends import kafka as backend
from tests.stack.kafka import Kafka
from tests.stack.part import free_port
from tests.telemetry.scenes import Asker, telemetry

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]


def look(kafka: Kafka) -> AbstractAsyncContextManager[Asker]:
    return telemetry(kafka={"kraft": {"bootstrap_servers": kafka.servers}})


async def test_lag_is_what_is_left_to_read(kafka: Kafka) -> None:
    await kafka.make_topic("orders", partitions=2)
    await kafka.produce("orders", 0, 5)
    await kafka.produce("orders", 1, 7)
    await kafka.commit("writer", "orders", {0: 5, 1: 3})

    writer = {"consumer_group": "writer"}
    clusters = {"default": {"bootstrap_servers": kafka.servers}, "b": {"bootstrap_servers": "b:1"}}
    async with telemetry(kafka=clusters) as ask:
        assert (await ask.health("topic_freshness", topic="orders", max_age="1h", cluster="x"))[
            "status"
        ] == "healthy", "a cluster that is not configured by name is the default one"
    async with look(kafka) as ask:
        ill = await ask.health("consumer_lag", **writer, lag_threshold=3)
        well = await ask.health("consumer_lag", **writer, lag_threshold=4)
        judged = await ask.health(
            "consumer_lag", **writer, lag_threshold=4, topic="orders", cluster="kraft"
        )

    assert (ill["status"], well["status"]) == ("unhealthy", "healthy")
    assert judged["values"] == {"lag": 4.0, "partitions": 2.0}


async def test_absent_offsets_are_no_lag_of_0(kafka: Kafka) -> None:
    """Case 28: a group that committed nothing, or not everywhere, is unknown."""
    await kafka.make_topic("partly", partitions=2)
    await kafka.produce("partly", 0, 5)
    await kafka.produce("partly", 1, 5)
    await kafka.commit("half", "partly", {0: 4})

    async with look(kafka) as ask:
        stranger = await ask.health("consumer_lag", consumer_group="nobody", lag_threshold=1)
        half = await ask.health("consumer_lag", consumer_group="half", lag_threshold=1)
        ill = await ask.health("consumer_lag", consumer_group="half", lag_threshold=0)

    assert stranger["status"] == "unknown" and "committed nothing" in stranger["reason"]
    assert half["status"] == "unknown" and "1 of 2" in half["reason"]
    assert ill["status"] == "unhealthy", "what is known is too much already"


async def test_freshness_is_the_newest_records_age(kafka: Kafka) -> None:
    await kafka.make_topic("feed", partitions=2)
    await kafka.make_topic("empty")
    old = int((time.time() - 3600) * 1000)
    await kafka.produce("feed", 0, 2, at_ms=old)

    async with look(kafka) as ask:
        stale = await ask.health("topic_freshness", topic="feed", max_age="30s")
        patient = await ask.health("topic_freshness", topic="feed", max_age="2h")
        await kafka.produce("feed", 1, 1)
        fresh = await ask.health("topic_freshness", topic="feed", max_age="30s")
        empty = await ask.health("topic_freshness", topic="empty", max_age="30s")

    assert stale["status"] == "unhealthy" and 3500 < stale["values"]["age_seconds"] < 3700
    assert (patient["status"], fresh["status"]) == ("healthy", "healthy")
    assert empty["status"] == "unknown" and "holds no record" in empty["reason"]


async def test_looking_for_a_topic_does_not_create_it(kafka: Kafka) -> None:
    """Brokers create what is asked for; a look must not."""
    before = await kafka.topics()
    async with look(kafka) as ask:
        fresh = await ask.health("topic_freshness", topic="tpyo", max_age="30s")
        lag = await ask.health("consumer_lag", consumer_group="g", lag_threshold=1, topic="tpyo")

    assert (fresh["status"], lag["status"]) == ("unknown", "unknown")
    assert "no topic 'tpyo'" in fresh["reason"]
    assert await kafka.topics() == before


async def test_a_broker_gone_or_silent_is_unknown_in_time() -> None:
    """Case 28."""
    held = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await held.wait()
        writer.close()

    silent = await asyncio.start_server(listen, "127.0.0.1", 0)
    clusters = {
        "gone": {"bootstrap_servers": f"127.0.0.1:{free_port()}"},
        "silent": {"bootstrap_servers": f"127.0.0.1:{silent.sockets[0].getsockname()[1]}"},
    }
    async with silent, telemetry(kafka=clusters) as ask:
        begin = time.monotonic()
        for name in clusters:
            judged = await ask.health(
                "topic_freshness", topic="t", max_age="1m", cluster=name, timeout="1s"
            )
            assert judged["status"] == "unknown", judged
        assert time.monotonic() - begin < 5
        words = await ask.complaint(
            "check_health",
            method="topic_freshness",
            parameters={"topic": "t", "max_age": "1m", "cluster": "other"},
        )
        held.set()

    assert "not in telemetry.kafka (gone, silent)" in words


async def test_without_aiokafka_the_check_says_what_to_install(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "aiokafka", None)
    async with look(kafka) as ask:
        judged = await ask.health("topic_freshness", topic="t", max_age="1m")

    assert (judged["status"], judged["reason"]) == ("unknown", backend.INSTALL)
