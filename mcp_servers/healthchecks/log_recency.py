"""log_recency: a container wrote a line not long ago."""

from datetime import datetime

from anyio.to_thread import run_sync

from mcp_servers.backends.container_logs import FileLogs
from mcp_servers.backends.log_sources import checked
from mcp_servers.healthchecks.contract import (
    Method,
    Name,
    Parameters,
    Seconds,
    healthy,
    unhealthy,
    unknown,
)
from mcp_servers.sources import Sources
from mcp_servers.telemetry_results import Health

_LOOK_BACK_MINUTES = 24 * 60


class LogRecency(Parameters):
    container: Name
    max_age: Seconds


async def check(parameters: LogRecency, sources: Sources) -> Health:
    logs, container = sources.logs, checked(parameters.container)
    if isinstance(logs, FileLogs):
        at = await run_sync(logs.modified, container, abandon_on_cancel=True)
        if at is None:
            return unknown(f"no log file of container {container!r}")
        return _judge(sources.clock() - at, parameters)
    back = max(_LOOK_BACK_MINUTES, parameters.max_age / 60)
    found = await logs.read(container=container, query="", contains="", minutes=back, limit=1)
    if not found.lines:
        return unknown(f"no line of container {container!r} was found")
    stamp = found.lines[-1].timestamp
    if stamp is None:
        return unknown(f"the lines of container {container!r} have no time of their own")
    return _judge(sources.clock() - datetime.fromisoformat(stamp).timestamp(), parameters)


def _judge(age: float, parameters: LogRecency) -> Health:
    age = max(0.0, age)
    words = f"the newest line of {parameters.container} is {age:.0f} s old"
    if age > parameters.max_age:
        return unhealthy(f"{words}, more than {parameters.max_age:g} s", age_seconds=age)
    return healthy(words, age_seconds=age)


METHOD = Method(LogRecency, check)
