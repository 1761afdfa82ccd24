"""The health checks, by the name that `healthcheck.method` gives them in the tree."""

import asyncio
from typing import Any

from pydantic import ValidationError

from mcp_servers.backends.trouble import SourceTrouble, WrongParameters
from mcp_servers.healthchecks import (
    consumer_lag,
    http,
    log_recency,
    own_check,
    promql,
    redis_ping,
    supervisor_state,
    tcp_connect,
    topic_freshness,
)
from mcp_servers.healthchecks.contract import Method, unhealthy, unknown
from mcp_servers.sources import Sources
from mcp_servers.telemetry_results import Health

METHODS: dict[str, Method] = {
    "consumer_lag": consumer_lag.METHOD,
    "http": http.METHOD,
    "log_recency": log_recency.METHOD,
    "promql": promql.METHOD,
    "python": own_check.METHOD,
    "redis_ping": redis_ping.METHOD,
    "supervisor_state": supervisor_state.METHOD,
    "tcp_connect": tcp_connect.METHOD,
    "topic_freshness": topic_freshness.METHOD,
}


async def judge(name: str, parameters: dict[str, Any], sources: Sources) -> Health:
    """One check, in its time. What we look through failing is `unknown`, with why.

    Raises:
        WrongParameters: there is no such method, or these are not its parameters.
    """
    method = METHODS.get(name)
    if method is None:
        raise WrongParameters(f"no method {name[:50]!r}; there are: {', '.join(METHODS)}")
    try:
        asked = method.parameters.model_validate(parameters)
    except ValidationError as error:
        raise WrongParameters(f"{name}: {_problem(error)}; {_usage(method)}") from error
    try:
        async with asyncio.timeout(asked.timeout):
            judged = await method.check(asked, sources)
    except TimeoutError:
        late = f"no answer within {asked.timeout:g} s"
        return unhealthy(late) if method.silence == "unhealthy" else unknown(late)
    except SourceTrouble as trouble:
        return unknown(str(trouble))
    except WrongParameters as wrong:
        raise WrongParameters(f"{name}: {wrong}") from wrong
    # A figure of what nobody can judge must not prove anything by itself.
    return judged.model_copy(update={"values": {}}) if judged.status == "unknown" else judged


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{where[:50]!r} is none of its parameters"
    if first["type"] == "missing":
        return f"{where} is missing"
    return f"{where}: {first['msg']}" if where else first["msg"]


def _usage(method: Method) -> str:
    fields = method.parameters.model_fields.items()
    names = [name if field.is_required() else f"[{name}]" for name, field in fields]
    return f"its parameters: {', '.join(sorted(names, key=lambda n: (n[0] == '[', n)))}"
