"""A tool server of ours says its own version: the span of every call of its tools has it."""

from importlib.metadata import version

from mcp.server.fastmcp import FastMCP


def tool_server(name: str) -> FastMCP:
    """A server without tools yet."""
    server = FastMCP(name, log_level="WARNING")
    # FastMCP takes none, and would tell the MCP library's.
    server._mcp_server.version = version("pipeline-observer")
    return server
