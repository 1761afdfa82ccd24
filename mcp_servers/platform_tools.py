"""Acts on real infrastructure over MCP: `python -m mcp_servers.platform_tools --data-dir DIR`.

What there is to act on stands in `OBSERVER_SECTIONS`; see docs/platform.md.
"""

import argparse
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

from mcp_servers.actions.containers import Execute, RestartContainer
from mcp_servers.actions.contract import CannotTell, World
from mcp_servers.actions.once import Once
from mcp_servers.actions.redis_clients import KillIdleClients
from mcp_servers.actions.redis_config import SetConfig
from mcp_servers.actions.restart import RestartProcess
from mcp_servers.actions.rollout import RestartRollout
from mcp_servers.backends.action_records import ActionRecords, Replaced
from mcp_servers.durations import seconds
from mcp_servers.masking import Mask
from mcp_servers.pipeline_results import FoundAction
from mcp_servers.platform_results import (
    ClientsKilled,
    ConfigSet,
    ContainerRestarted,
    Executed,
    ProcessRestarted,
    RolloutRestarted,
)
from mcp_servers.sections import BadSections, Sections, read_sections
from mcp_servers.tool_server import serve, tool_server

Result = TypeVar("Result", bound=BaseModel)

_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}$"
Node = Annotated[str, Field(pattern=_NAME, description="Name of a node of the dependency tree")]
Container = Annotated[str, Field(pattern=_NAME, description="Name in platform.containers")]
Parameter = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
Value = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
IdleFor = Annotated[
    str, Field(pattern=r"^[1-9][0-9]{0,5}(s|m|h)$", description="For example 90s, 5m or 2h")
]
Word = Annotated[str, Field(max_length=4000, pattern=r"^[^\x00-\x1f\x7f]*$")]
Argv = Annotated[list[Word], Field(min_length=1, max_length=64)]
Reason = Annotated[str, Field(min_length=1, max_length=2000, description="Why, for the record")]
Key = Annotated[
    str,
    Field(
        min_length=1,
        max_length=300,
        description="Names this one action: the same key again changes nothing "
        "and returns the first result",
    ),
]

READS = ToolAnnotations(
    readOnlyHint=True, destructiveHint=False, idempotentHint=True, openWorldHint=False
)
INTERRUPTS = ToolAnnotations(
    readOnlyHint=False, destructiveHint=True, idempotentHint=True, openWorldHint=False
)


def build_server(sections: Sections, data_dir: Path) -> FastMCP:
    """The server with those tools that have something to act on."""
    server = tool_server("platform-tools")
    mask = Mask(sections)
    records = ActionRecords(data_dir)
    world = World(sections, mask, Replaced(data_dir))
    once = Once(world, records, lambda: datetime.now(UTC))

    async def answer(work: Callable[[], Awaitable[Result]]) -> Result:
        """Do a tool's work, and say nothing of our credentials, in errors neither."""
        try:
            return await work()
        except Exception as error:
            words = mask.text(str(error) or type(error).__name__)[:1000]
            # So it is not taken for a failure, after which something else could be tried.
            unclear = "(unknown) " if isinstance(error, CannotTell) else ""
            raise ToolError(unclear + words) from None

    @server.tool(annotations=READS)
    async def find_platform_action(idempotency_key: Key) -> FoundAction:
        """Tell whether the action with this key has happened, and what it returned.

        For an action whose answer was lost; fails where nobody can tell. Not for listing actions.
        """
        return await answer(lambda: once.find(idempotency_key))

    if _any_process(sections):

        @server.tool(annotations=INTERRUPTS)
        async def restart_process(
            node: Node, reason: Reason, idempotency_key: Key
        ) -> ProcessRestarted:
            """Restart the one process of a node; its work in flight is lost. For a stuck process.

            Not for a process that waits for something below it, which is ill after it, too.
            """
            action = RestartProcess(world, node)
            return await answer(lambda: once.act(action, key=idempotency_key, reason=reason))

    if _any_limits(sections):

        @server.tool(annotations=INTERRUPTS)
        async def redis_config_set(
            node: Node, parameter: Parameter, value: Value, idempotency_key: Key
        ) -> ConfigSet:
            """Change a setting of a running Redis within the node's limits, until it restarts.

            Not to raise a limit that something fills up: it is full again soon.
            """
            action = SetConfig(world, node, parameter, value)
            return await answer(lambda: once.act(action, key=idempotency_key))

    if sections.nodes.keys() & sections.platform.redis.keys():

        @server.tool(annotations=INTERRUPTS)
        async def redis_kill_idle_clients(
            node: Node, idle_for: IdleFor, idempotency_key: Key
        ) -> ClientsKilled:
            """End the connections of a Redis that have been idle for longer. For a full Redis.

            Not where its clients are busy: that ends none of them. Replicas, subscribers and who
            waits in a command stay.
            """
            action = KillIdleClients(world, node, seconds(idle_for))
            return await answer(lambda: once.act(action, key=idempotency_key))

    if _any_container(sections):

        @server.tool(annotations=INTERRUPTS)
        async def container_restart(
            node: Node, reason: Reason, idempotency_key: Key
        ) -> ContainerRestarted:
            """Restart the container of a node, with every process in it, the healthy ones, too.

            Not where restart_process would do.
            """
            action = RestartContainer(world, node)
            return await answer(lambda: once.act(action, key=idempotency_key, reason=reason))

    if sections.platform.containers:

        @server.tool(annotations=INTERRUPTS)
        async def container_exec(
            container: Container, argv: Argv, idempotency_key: Key
        ) -> Executed:
            """Run one program with its arguments in a container. For a step that a person wrote.

            Not for reading logs or metrics, not for what another tool does, never a shell.
            """
            action = Execute(world, container, tuple(argv))
            return await answer(lambda: once.act(action, key=idempotency_key))

    if sections.platform.kubernetes and any(node.deployment for node in sections.nodes.values()):

        @server.tool(annotations=INTERRUPTS)
        async def rollout_restart(
            node: Node, reason: Reason, idempotency_key: Key
        ) -> RolloutRestarted:
            """Replace the pods of a node's deployment one by one; does not wait for them.

            Not for a deployment whose new pods can't start: that stays as ill as it is.
            """
            action = RestartRollout(world, node)
            return await answer(lambda: once.act(action, key=idempotency_key, reason=reason))

    return server


def _any_process(sections: Sections) -> bool:
    supervised = sections.platform.supervisor is not None
    nodes = sections.nodes.values()
    return any(n.systemd_unit or (supervised and n.supervisor_process) for n in nodes)


def _any_limits(sections: Sections) -> bool:
    redis = sections.platform.redis
    return any(node.limits and name in redis for name, node in sections.nodes.items())


def _any_container(sections: Sections) -> bool:
    containers = sections.platform.containers
    with_restart = {name for name, container in containers.items() if container.restart}
    return any(node.container in with_restart for node in sections.nodes.values())


def main() -> None:
    """Serve over stdio."""
    parser = argparse.ArgumentParser(prog="mcp_servers.platform_tools", description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path("var/platform"))
    data_dir: Path = parser.parse_args().data_dir
    try:
        sections = read_sections()
    except BadSections as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    serve(build_server(sections, data_dir))


if __name__ == "__main__":
    main()
