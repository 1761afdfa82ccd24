"""How each server of this package is made, and run over stdin and stdout until they are closed."""

import gc
from importlib.metadata import version

from mcp.server.fastmcp import FastMCP


def tool_server(name: str) -> FastMCP:
    """A server without tools yet; it says its own version, which the span of every call has."""
    server = FastMCP(name, log_level="WARNING")
    # FastMCP takes none, and would tell the MCP library's.
    server._mcp_server.version = version("pipeline-observer")
    return server


def serve(server: FastMCP) -> None:
    """Answer until the caller leaves."""
    # What was imported stays to the end: to look through it then takes as long as half the start.
    gc.freeze()
    server.run("stdio")
