"""Tells people, over MCP: `python -m mcp_servers.notification_tools --data-dir DIR`.

A tool for each channel of `OBSERVER_SECTIONS`; see docs/channels.md. Where a message goes is
configuration, never an argument.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mcp.server.fastmcp import FastMCP
from mcp.types import ToolAnnotations
from pydantic import BaseModel

from mcp_servers.backends.notification_log import NotificationLog
from mcp_servers.channels import CHANNELS
from mcp_servers.channels.contract import Deliveries, Key
from mcp_servers.masking import Mask
from mcp_servers.sections import BadSections, Channels, Sections, read_sections
from mcp_servers.tool_server import serve, tool_server

LOOKS = ToolAnnotations(
    readOnlyHint=True, destructiveHint=False, idempotentHint=True, openWorldHint=True
)


class FoundNotification(BaseModel):
    """What one idempotency key sent, if it sent anything. Not found: it may be sent."""

    found: bool
    tool: str | None = None
    result: dict[str, Any] | None = None


class MissingSecret(ValueError):
    """A secret that the sections name is not in the environment."""


def secrets_of(channels: Channels, environment: Mapping[str, str]) -> dict[str, str]:
    """The secrets by the name of their environment variable.

    Raises:
        MissingSecret: one of them is not there.
    """
    secrets: dict[str, str] = {}
    for channel, settings in channels.model_dump(exclude_none=True).items():
        for key, name in settings.items():
            if not key.endswith("_env"):
                continue
            secrets[name] = environment.get(name, "").strip()
            if not secrets[name]:
                raise MissingSecret(f"channels.{channel}.{key}: the environment has no {name}")
    return secrets


def build_server(sections: Sections, secrets: Mapping[str, str], data_dir: Path) -> FastMCP:
    """The server with the tools of the configured channels."""
    server = tool_server("notification-tools")
    paths = [urlsplit(secret).path for secret in secrets.values() if "://" in secret]
    mask = Mask(sections, [*secrets.values(), *paths])
    deliveries = Deliveries(NotificationLog(data_dir), mask)
    for name, offer in CHANNELS.items():
        settings = getattr(sections.channels, name)
        if settings is not None:
            offer(server, settings, secrets, deliveries)

    @server.tool(annotations=LOOKS)
    async def find_notification(idempotency_key: Key) -> FoundNotification:
        """Tell whether the notification with this key was delivered, and what came of it.

        For a notification whose answer was lost. It fails where that cannot be told.
        """
        found = await deliveries.find(idempotency_key)
        if found is None:
            return FoundNotification(found=False)
        return FoundNotification(found=True, tool=found[0], result=found[1])

    return server


def main() -> None:
    """Serve over stdio."""
    parser = argparse.ArgumentParser(prog="mcp_servers.notification_tools", description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path("var/notifications"))
    data_dir = parser.parse_args().data_dir
    try:
        sections = read_sections()
        secrets = secrets_of(sections.channels, os.environ)
    except (BadSections, MissingSecret) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    serve(build_server(sections, secrets, data_dir))


if __name__ == "__main__":
    main()
