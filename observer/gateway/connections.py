"""How a tool server is reached: its own process with a clean environment, or an address."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from langchain_mcp_adapters.sessions import Connection

from observer.errors import ConfigurationError
from observer.settings.channels import named_variables
from observer.settings.schema import McpServer

_MOST_TOLD = 120_000
"""Linux takes at most 128 KiB in one variable of the environment."""


def connection_of(settings: McpServer, data_dir: str, sections: Mapping[str, Any]) -> Connection:
    """The connection of one server; a process gets what its settings name, and nothing else.

    Raises:
        ConfigurationError: its sections are longer than an environment can be.
    """
    if settings.url is not None:
        return {"transport": "streamable_http", "url": settings.url}
    command = [part.replace("{data_dir}", data_dir) for part in settings.command or []]
    program = sys.executable if command[0] in ("python", "python3") else command[0]
    told = json.dumps({name: sections[name] for name in settings.sections})
    if len(told) > _MOST_TOLD:
        raise ConfigurationError(
            f"observer.yaml: mcp_servers: sections {', '.join(settings.sections)} have"
            f" {len(told)} characters; a process can be told {_MOST_TOLD}"
        )
    channels = sections["channels"] if "channels" in settings.sections else {}
    secrets = [named.variable for named in named_variables(channels)]
    passed = [*settings.pass_environment, *secrets]
    return {
        "transport": "stdio",
        "command": program,
        "args": command[1:],
        "env": {
            **{k: v for k in passed if (v := os.environ.get(k)) is not None},
            **settings.environment,
            **({"OBSERVER_SECTIONS": told} if settings.sections else {}),
        },
        "encoding_error_handler": "replace",
    }
