"""All configured tool servers as one: a tool is found by its name, whoever offers it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from jsonschema.validators import validator_for

from observer.domain.calls import CallStatus
from observer.errors import ConfigurationError
from observer.gateway.held_session import HeldSession
from observer.gateway.replies import Reply
from observer.settings.schema import McpServer

KEY = "idempotency_key"


class McpSessions:
    """All configured servers; a tool is found by its name, which is unique across them."""

    def __init__(
        self,
        servers: Mapping[str, McpServer],
        data_dir: str,
        sections: Mapping[str, Any],
    ) -> None:
        self.servers = {
            name: HeldSession(name, s, data_dir, sections) for name, s in servers.items()
        }
        self._owner: dict[str, HeldSession] = {}

    async def start(self) -> None:
        """Open every session.

        Raises:
            ConfigurationError: a server does not start, or two offer a tool of the same name.
        """
        await asyncio.gather(*(server.start() for server in self.servers.values()))
        for server in self.servers.values():
            for tool in server.tools:
                if (other := self._owner.get(tool)) is not None:
                    raise ConfigurationError(
                        f"observer.yaml: mcp_servers: both {other.name} and {server.name} offer"
                        f" a tool '{tool}'"
                    )
                self._owner[tool] = server

    async def stop(self) -> None:
        """Close every session."""
        await asyncio.gather(*(server.stop() for server in self.servers.values()))

    @property
    def tools(self) -> set[str]:
        """The names of all tools."""
        return set(self._owner)

    def version(self, tool: str) -> str:
        """The version of the server that has the tool."""
        owner = self._owner.get(tool)
        return owner.version if owner is not None else "unknown"

    def takes_key(self, tool: str) -> bool:
        """Whether a tool declares the idempotency key; an undeclared one is dropped silently."""
        owner = self._owner.get(tool)
        return owner is not None and KEY in owner.tools.get(tool, {}).get("properties", {})

    def declared_keyless(self, tool: str) -> bool:
        """Whether the configuration says that a tool cannot take a key."""
        owner = self._owner.get(tool)
        return owner is not None and tool in owner.settings.keyless

    def misnamed(self, tool: str, names: set[str]) -> str | None:
        """Which argument a tool does not know or would miss; None when the names fit."""
        schema = self._owner[tool].tools.get(tool, {})
        if unknown := sorted(names - set(schema.get("properties", {}))):
            return f"'{unknown[0]}' is no argument of it"
        if missing := sorted(set(schema.get("required", ())) - names - {KEY}):
            return f"'{missing[0]}' is missing"
        return None

    def misfit(self, tool: str, args: Mapping[str, Any]) -> str | None:
        """What is wrong with some arguments of a tool; None when they fit its schema."""
        if (problem := self.misnamed(tool, set(args))) is not None:
            return problem
        schema = self._owner[tool].tools[tool]
        wrong = validator_for(schema)(schema).iter_errors({KEY: "k" * 16, **args})
        first = next(wrong, None)
        return None if first is None else f"{'.'.join(map(str, first.path))}: {first.message}"

    async def call(self, tool: str, args: Mapping[str, Any]) -> Reply:
        """One call of a known tool."""
        owner = self._owner.get(tool)
        if owner is None:
            return Reply(CallStatus.REFUSED, None, f"no server has a tool '{tool}'", reached=False)
        return await owner.call(tool, args)

    async def look_up(self, tool: str, key: str) -> Reply | None:
        """What the backend knows of an idempotency key; None when it cannot be asked."""
        owner = self._owner.get(tool)
        if owner is None or owner.settings.look_up is None or not self.takes_key(tool):
            return None
        reply = await owner.call(owner.settings.look_up, {"idempotency_key": key})
        return reply if reply.status is CallStatus.SUCCESS else None
