"""What the observer's own tool servers say of themselves."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
from mcp.server.fastmcp import FastMCP
from mcp.shared.memory import create_connected_server_and_client_session

from mcp_servers import notification_tools, pipeline_tools, platform_tools, telemetry_tools
from mcp_servers.backends.json_files import JsonFilesPipeline
from mcp_servers.sections import Sections
from mcp_servers.sources import Sources

SERVERS = {
    "pipeline": lambda folder: pipeline_tools.build_server(JsonFilesPipeline(folder, None)),
    "platform": lambda folder: platform_tools.build_server(Sections(), folder),
    "telemetry": lambda _: telemetry_tools.build_server(Sources(Sections())),
    "notification": lambda folder: notification_tools.build_server(Sections(), {}, folder),
}


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.asyncio
async def test_a_tools_version_in_spans_is_the_release_and_not_the_librarys(
    name: str, tmp_path: Path
) -> None:
    server: FastMCP = SERVERS[name](tmp_path)
    async with create_connected_server_and_client_session(server) as session:
        told = (await session.initialize()).serverInfo
    assert told.version == version("pipeline-observer")
    assert told.version != version("mcp")
