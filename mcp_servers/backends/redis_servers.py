"""A connection to one Redis: at its limit of clients it waits for a place."""

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from mcp_servers.backends.addresses import resolve, unreachable
from mcp_servers.backends.trouble import SourceTrouble

_RETRY_S = 0.1
NOT_OURS = ("NOAUTH", "NOPERM", "WRONGPASS")


async def client_of(name: str, url: str) -> Redis:
    """A client of one connection, not yet open.

    Raises:
        SourceTrouble: the address is none, or leads nowhere.
        WrongParameters: it leads to where nobody connects to.
    """
    try:
        client = Redis.from_url(
            url,
            protocol=2,
            socket_timeout=None,
            socket_connect_timeout=None,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
            encoding_errors="replace",
            single_connection_client=True,
        )
    except ValueError as error:
        raise SourceTrouble(f"the address of {name} in platform.redis is none") from error
    place = client.connection_pool.connection_kwargs
    if "host" in place:
        await resolve(place["host"], place.get("port", 6379))
    return client


@asynccontextmanager
async def opened(name: str, url: str, patience_s: float) -> AsyncIterator[Redis]:
    """An open connection; where every place is taken, the next free one is waited for.

    Raises:
        SourceTrouble: there is none, or it does not accept our credentials.
        WrongParameters: as in `client_of`.
    """
    client = await client_of(name, url)
    try:
        await _let_in(name, client, patience_s)
        yield client
    finally:
        with contextlib.suppress(Exception):
            await client.aclose()


async def _let_in(name: str, client: Redis, patience_s: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + patience_s
    while True:
        try:
            await client.ping()  # pyright: ignore[reportGeneralTypeIssues]
            return
        except (exceptions.AuthenticationError, exceptions.NoPermissionError) as error:
            raise SourceTrouble(f"{name} does not accept our credentials: {error}") from error
        except exceptions.ResponseError as error:
            if str(error).startswith(NOT_OURS):
                raise SourceTrouble(f"{name} does not accept our credentials: {error}") from error
            trouble = SourceTrouble(f"{name} answers: {error}")
        except exceptions.ConnectionError as error:
            # At its limit Redis says so and hangs up; what it said can be lost with the line.
            if "max number of clients" not in str(error) and not _hung_up(error):
                raise unreachable(name, error) from error
            trouble = SourceTrouble(f"{name} does not let us in: {error}")
        if loop.time() > until:
            raise trouble
        await asyncio.sleep(_RETRY_S)


def _hung_up(error: BaseException) -> bool:
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return not isinstance(error, OSError) or error.errno in (errno.ECONNRESET, errno.EPIPE)
