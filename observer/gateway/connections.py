"""How a tool server is reached: its own process with a clean environment, or an address."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from langchain_mcp_adapters.sessions import Connection

from observer.settings.schema import McpServer


def connection_of(settings: McpServer, data_dir: str, sections: Mapping[str, Any]) -> Connection:
    """The connection of one server; a process gets what its settings name, and nothing else."""
    if settings.url is not None:
        return {"transport": "streamable_http", "url": settings.url}
    command = [part.replace("{data_dir}", data_dir) for part in settings.command or []]
    program = sys.executable if command[0] in ("python", "python3") else command[0]
    told = {name: sections[name] for name in settings.sections}
    return {
        "transport": "stdio",
        "command": program,
        "args": command[1:],
        "env": {
            **{k: v for k in settings.pass_environment if (v := os.environ.get(k)) is not None},
            **settings.environment,
            **({"OBSERVER_SECTIONS": json.dumps(told)} if told else {}),
        },
        "encoding_error_handler": "replace",
    }
