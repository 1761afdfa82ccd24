"""redis_ping: a Redis of `platform.redis` answers PING. Its own refusal is a finding."""

import contextlib
from typing import Any

from redis import exceptions
from redis.asyncio import Redis

from mcp_servers.backends.addresses import unreachable
from mcp_servers.backends.redis_servers import NOT_OURS, client_of
from mcp_servers.backends.trouble import SourceTrouble, WrongParameters
from mcp_servers.healthchecks.contract import Method, Name, Parameters, healthy, unhealthy
from mcp_servers.sources import Sources
from mcp_servers.telemetry_results import Health

_FIGURES = ("connected_clients", "maxclients", "blocked_clients", "used_memory", "maxmemory")
_TRIES = 3


class RedisPing(Parameters):
    redis: Name


async def check(parameters: RedisPing, sources: Sources) -> Health:
    servers = sources.sections.platform.redis
    if parameters.redis not in servers:
        known = ", ".join(servers) or "none"
        raise WrongParameters(f"redis: {parameters.redis!r} is not in platform.redis ({known})")
    client = await client_of(parameters.redis, servers[parameters.redis].url)
    try:
        return await _ping(client, parameters.redis)
    finally:
        with contextlib.suppress(Exception):
            await client.aclose()


async def _ping(client: Redis, name: str) -> Health:
    for left in reversed(range(_TRIES)):
        try:
            await client.ping()  # pyright: ignore[reportGeneralTypeIssues]
            break
        except (exceptions.AuthenticationError, exceptions.NoPermissionError) as error:
            raise SourceTrouble(f"{name} does not accept our credentials: {error}") from error
        except exceptions.ConnectionError as error:
            refusal = _refusal(name, error)
            # At its limit Redis says why and hangs up; what it said can be lost with the line.
            if refusal is None and left:
                continue
            return refusal or unhealthy(f"{name} closed the connection")
        except exceptions.ResponseError as error:
            if str(error).startswith(NOT_OURS):
                raise SourceTrouble(f"{name} does not accept our credentials: {error}") from error
            return unhealthy(f"{name} answers: {error}")
    return healthy(f"{name} answers PING", **await _figures(client))


def _refusal(name: str, error: Exception) -> Health | None:
    """What a broken connection says; None where the other end only hung up."""
    words = str(error)
    if "max number of clients" in words or isinstance(error, exceptions.BusyLoadingError):
        return unhealthy(f"{name} answers: {words}")
    trouble = unreachable(name, error)
    if isinstance(_root(error), OSError) and not trouble.refused:
        raise trouble
    return unhealthy(str(trouble)) if "refuses" in str(trouble) else None


def _root(error: BaseException) -> BaseException:
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return error


async def _figures(client: Redis) -> dict[str, float]:
    """What INFO says of clients and memory; nothing where we may not ask."""
    said: dict[str, Any] = {}
    with contextlib.suppress(exceptions.RedisError, OSError):
        for part in ("clients", "memory"):
            said |= await client.info(part)
    return {k: float(said[k]) for k in _FIGURES if isinstance(said.get(k), int | float)}


METHOD = Method(RedisPing, check, silence="unhealthy")
