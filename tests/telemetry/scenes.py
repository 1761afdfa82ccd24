"""What the telemetry tests say again and again."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.shared.memory import create_connected_server_and_client_session

from mcp_servers.sections import Sections
from mcp_servers.sources import Sources
from mcp_servers.telemetry_tools import build_server
from tests.observer_process import ROOT

STRANGE = [
    'a"b',
    "a'b",
    "a\\b",
    "a`b",
    "a}b",
    'x"} or vector(1) #',
    "two\nlines",
    "snow \u2603 \U0001f600",
]
"""Names with which a query could be led astray."""


def _label(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


METRICS = "\n".join(
    [
        "redis_connected_clients 298",
        'queue_depth{stage="loading"} 12',
        'queue_depth{stage="indexing"} 8420',
        "fragmentation_ratio NaN",
        "limit_bytes +Inf",
        *(f'wide{{n="{n}"}} 1' for n in range(150)),
        *(f'strange{{stage="{_label(name)}"}} {i}' for i, name in enumerate(STRANGE)),
        "",
    ]
)


class Asker:
    """Calls the tools as an agent does."""

    def __init__(self, session: ClientSession) -> None:
        self.session = session

    async def __call__(self, tool: str, **args: Any) -> dict[str, Any]:
        """A call that must succeed."""
        reply = await self.session.call_tool(tool, args)
        assert not reply.isError, reply.content
        assert reply.structuredContent is not None
        return reply.structuredContent

    async def health(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A check's answer."""
        return await self("check_health", method=method, parameters=parameters)

    async def complaint(self, tool: str, **args: Any) -> str:
        """A call that must fail, and what it says."""
        reply = await self.session.call_tool(tool, args)
        assert reply.isError, reply.structuredContent
        return reply.content[0].text  # type: ignore[union-attr]


@asynccontextmanager
async def telemetry(
    platform: dict[str, Any] | None = None, **telemetry: Any
) -> AsyncIterator[Asker]:
    """The server in this process, told these sections."""
    told = {"telemetry": telemetry, "platform": platform or {}}
    server = build_server(Sources(Sections.model_validate(told)))
    async with create_connected_server_and_client_session(server) as session:
        yield Asker(session)


@asynccontextmanager
async def over_stdio(told: dict[str, Any], errors: Path) -> AsyncIterator[Asker]:
    """The server as a process of its own; what it writes to stderr is kept in a file."""
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "mcp_servers.telemetry_tools"],
        cwd=ROOT,
        env={"OBSERVER_SECTIONS": json.dumps(told)},
    )
    with errors.open("w") as log:
        async with stdio_client(parameters, log) as streams, ClientSession(*streams) as session:
            await session.initialize()
            yield Asker(session)
