"""supervisor_state: supervisord says RUNNING. It says so of a stopped (SIGSTOP) process, too."""

from mcp_servers.backends.supervisor_rpc import SupervisorRpc
from mcp_servers.backends.trouble import NotConfigured
from mcp_servers.healthchecks.contract import (
    Method,
    Name,
    Parameters,
    healthy,
    unhealthy,
    unknown,
)
from mcp_servers.sources import Sources
from mcp_servers.telemetry_results import Health


class SupervisorState(Parameters):
    process: Name


async def check(parameters: SupervisorState, sources: Sources) -> Health:
    told = sources.sections.platform.supervisor
    if told is None:
        raise NotConfigured("platform.supervisor is not configured")
    info = await SupervisorRpc(told.url).process_info(parameters.process)
    up_s = info.now - info.start if info.statename == "RUNNING" else 0
    values = {"state": info.state, "pid": info.pid, "uptime_seconds": max(0, up_s)}
    words = f"{parameters.process} is {info.statename}"
    if info.spawnerr:
        words += f": {info.spawnerr[:200]}"
    match info.statename:
        case "RUNNING":
            return healthy(words, **values)
        case "STARTING" | "UNKNOWN":
            return unknown(words)
        case _:
            return unhealthy(words, **values)


METHOD = Method(SupervisorState, check)
