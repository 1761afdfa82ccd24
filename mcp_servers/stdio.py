"""How each server of this package is run: over stdin and stdout, until they are closed."""

import gc

from mcp.server.fastmcp import FastMCP


def serve(server: FastMCP) -> None:
    """Answer until the caller leaves."""
    # What was imported stays to the end: to look through it then takes as long as half the start.
    gc.freeze()
    server.run("stdio")
