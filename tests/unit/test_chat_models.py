"""What a model's provider sends is bounded, whatever it says of it: by real HTTP."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from observer.gateway.chat_models import AnswerTooLarge, BoundedTransport

pytestmark = pytest.mark.asyncio

LIMIT = 100_000
HANGS_S = 20
"""When a broken bound is found out: nobody waits so long for one that holds."""
Says = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def provider(head: str, says: Says) -> AsyncIterator[tuple[httpx.AsyncClient, list[bytes]]]:
    """A server that answers all with this head and body, and a client with the bound."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode())
            await says(writer)
            # The connection stays: whoever waits for the rest of an answer waits for ever.
            await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = BoundedTransport(LIMIT)
    async with (
        server,
        httpx.AsyncClient(
            transport=transport, timeout=HANGS_S, base_url=f"http://127.0.0.1:{port}"
        ) as client,
    ):
        yield client, asked


async def nothing(_: asyncio.StreamWriter) -> None:
    """Not a byte of the body."""


def whole(body: bytes) -> Says:
    async def says(writer: asyncio.StreamWriter) -> None:
        writer.write(body)
        await writer.drain()

    return says


async def chunks_without_end(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"3e8\r\n%b\r\n" % (b" " * 1000))
        await writer.drain()


async def test_an_answer_that_says_it_is_too_large_is_refused_before_a_byte_of_it() -> None:
    """Case 24."""
    async with provider(f"content-length: {LIMIT + 1}", nothing) as (client, _):
        with pytest.raises(AnswerTooLarge, match="more than 100000 bytes was not read"):
            await client.post("/")


async def test_an_answer_that_does_not_say_its_size_is_cut_off_at_the_bound() -> None:
    """Case 24."""
    async with provider("transfer-encoding: chunked", chunks_without_end) as (client, _):
        with pytest.raises(AnswerTooLarge, match="more than 100000 bytes was cut off"):
            await client.post("/")


async def test_an_answer_up_to_the_bound_is_read() -> None:
    async with provider(f"content-length: {LIMIT}", whole(b"x" * LIMIT)) as (client, _):
        assert len((await client.post("/")).content) == LIMIT


async def test_a_small_packed_answer_cannot_become_a_large_one() -> None:
    """Case 24: nobody asks for it, and who sends it all the same is not unpacked."""
    packed = gzip.compress(b" " * 50_000_000)
    assert len(packed) < LIMIT
    head = f"content-encoding: gzip\r\ncontent-length: {len(packed)}"
    async with provider(head, whole(packed)) as (client, asked):
        with pytest.raises(AnswerTooLarge, match="packed as 'gzip'"):
            await client.post("/")
    assert b"accept-encoding: identity\r\n" in asked[0].lower()
