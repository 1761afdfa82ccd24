"""One MCP session held open: restarted with back-off when its server dies, every call bounded.

A session per call spawns a process per call; a held one answers in milliseconds, but nothing
reconnects by itself: this module does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from langchain_mcp_adapters.sessions import create_session
from mcp import ClientSession
from mcp.types import (
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    ClientRequest,
)

from observer.domain.calls import CallStatus
from observer.errors import ConfigurationError
from observer.gateway.connections import connection_of
from observer.gateway.replies import Reply, reply_from
from observer.settings.schema import McpServer

logger = logging.getLogger("observer.mcp")

_FIRST_BACKOFF_S = 0.2
_LONGEST_BACKOFF_S = 10.0
_PING_EVERY_S = 10.0


class HeldSession:
    """One server: its process or address, the open session, and the task that keeps it open."""

    def __init__(
        self, name: str, settings: McpServer, data_dir: str, sections: Mapping[str, Any]
    ) -> None:
        self.name = name
        self.settings = settings
        self.tools: dict[str, dict[str, Any]] = {}
        """The schema of each tool's arguments, by name."""
        self.version = "unknown"
        self.restarts = -1
        self.last_error: str | None = None
        self.on_change: Callable[[], None] = lambda: None
        """Called when a session was opened, and when it was lost."""
        self._connection = connection_of(settings, data_dir, sections)
        self._session: ClientSession | None = None
        self._validators: dict[str, Validator] = {}
        self._ready = asyncio.Event()
        self._broken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Whether a session is open."""
        return self._session is not None

    async def start(self) -> None:
        """Open the session.

        Raises:
            ConfigurationError: the server does not come up in `start_timeout`.
        """
        self._task = asyncio.create_task(self._keep_open())
        try:
            async with asyncio.timeout(self.settings.start_timeout):
                await self._ready.wait()
        except TimeoutError as error:
            await self.stop()
            raise ConfigurationError(
                f"observer.yaml: mcp_servers.{self.name}: did not start within"
                f" {self.settings.start_timeout:g} s: {self.last_error or 'no answer'}"
            ) from error

    async def stop(self) -> None:
        """Close the session and end its process."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=5)

    async def _keep_open(self) -> None:
        backoff = _FIRST_BACKOFF_S
        while True:
            self._broken.clear()
            try:
                async with create_session(self._connection) as session:
                    answer = await session.initialize()
                    self.version = answer.serverInfo.version or "unknown"
                    listed = await session.list_tools()
                    self.tools = {tool.name: tool.inputSchema for tool in listed.tools}
                    self._validators = {
                        tool.name: validator_for(tool.outputSchema)(tool.outputSchema)
                        for tool in listed.tools
                        if tool.outputSchema is not None
                    }
                    self._session = session
                    self.restarts += 1
                    self.last_error = None
                    self._ready.set()
                    self.on_change()
                    backoff = _FIRST_BACKOFF_S
                    await self._until_broken(session)
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                self.last_error = _first_line(error)
            finally:
                self._session = None
                self._ready.clear()
            self.on_change()
            logger.warning("tool server %s is down: %s", self.name, self.last_error)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _LONGEST_BACKOFF_S)

    async def _until_broken(self, session: ClientSession) -> None:
        while not self._broken.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PING_EVERY_S):
                    await self._broken.wait()
                    return
            async with asyncio.timeout(self.settings.timeout):
                await session.send_ping()

    async def call(self, tool: str, args: Mapping[str, Any]) -> Reply:
        """One call, bounded by the server's `timeout`; never raises for the server's faults."""
        try:
            async with asyncio.timeout(self.settings.timeout):
                await self._ready.wait()
        except TimeoutError:
            why = f"tool server {self.name} is down: {self.last_error or 'no answer'}"
            return Reply(CallStatus.ERROR, None, why, reached=False)
        session = self._session
        if session is None:
            return Reply(CallStatus.ERROR, None, f"tool server {self.name} is down", reached=False)
        limit = self.settings.timeout
        try:
            async with asyncio.timeout(limit + 1):
                # Not `call_tool`: it checks the tool's schema anew with every answer, which
                # costs more than the call.
                result = await session.send_request(
                    ClientRequest(
                        CallToolRequest(
                            params=CallToolRequestParams(name=tool, arguments=dict(args))
                        )
                    ),
                    CallToolResult,
                    request_read_timeout_seconds=timedelta(seconds=limit),
                )
        except Exception as error:
            # A server that no longer answers is replaced, too: its next answer could be a late one.
            self._give_up(session)
            text = _first_line(error)
            if isinstance(error, TimeoutError) or "Timed out" in text:
                return Reply(CallStatus.TIMEOUT, None, f"no answer within {limit:g} s")
            broke = f"the connection broke during the call: {text}"
            return Reply(CallStatus.UNKNOWN, None, broke)
        return self._checked(tool, reply_from(result))

    def _checked(self, tool: str, reply: Reply) -> Reply:
        """An answer must have the shape that its tool declares."""
        validator = self._validators.get(tool)
        if validator is None or reply.status is not CallStatus.SUCCESS:
            return reply
        problem = next(validator.iter_errors(reply.payload), None)
        if problem is None:
            return reply
        return Reply(CallStatus.UNKNOWN, None, f"not the declared answer: {problem.message}"[:300])

    def _give_up(self, session: ClientSession) -> None:
        """The next call waits for the next session; one that is open already stays."""
        if self._session is session:
            self._session = None
            self._ready.clear()
            self._broken.set()
            self.on_change()


def _first_line(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]
