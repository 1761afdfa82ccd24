"""Whose turn it is to change a node."""

from __future__ import annotations

import asyncio

import pytest

from observer.gateway.claims import Claims

pytestmark = pytest.mark.asyncio


async def test_a_free_node_is_taken_at_once_and_again_by_its_holder() -> None:
    claims = Claims()
    assert await claims.take("loading", "a") is False
    assert await claims.take("loading", "a") is False
    assert await claims.take("indexing", "b") is False


async def test_the_second_one_waits_until_the_first_gives_back_and_is_told_that_it_waited() -> None:
    claims = Claims()
    await claims.take("loading", "a")
    second = asyncio.create_task(claims.take("loading", "b"))
    await asyncio.sleep(0)
    assert not second.done()

    claims.release("a")

    assert await second is True


async def test_of_many_that_wait_one_at_a_time_has_the_node() -> None:
    claims = Claims()
    inside: list[str] = []
    most = 0

    async def work(holder: str) -> None:
        nonlocal most
        await claims.take("loading", holder)
        inside.append(holder)
        most = max(most, len(inside))
        await asyncio.sleep(0)
        inside.remove(holder)
        claims.release(holder)

    await asyncio.gather(*(work(f"event-{i}") for i in range(20)))
    assert most == 1


async def test_who_gives_up_waiting_takes_nothing() -> None:
    claims = Claims()
    await claims.take("loading", "a")
    impatient = asyncio.create_task(claims.take("loading", "b"))
    await asyncio.sleep(0)
    impatient.cancel()
    claims.release("a")
    assert await claims.take("loading", "c") is False
