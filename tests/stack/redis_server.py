"""A real Redis with room for few clients."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.stack.part import Part, program

MAX_CLIENTS = 8


class RedisServer(Part):
    name = "redis-server"
    password = "swordfish-31"

    def __init__(self, folder: Path, *, clients: int = MAX_CLIENTS, settings: str = "") -> None:
        super().__init__(folder)
        self.clients = clients
        self._settings = settings

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [
            program("redis-server"),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
            *("--save", "", "--appendonly", "no", "--maxclients", str(self.clients)),
            *("--requirepass", self.password),
            *self._settings.split(),
        ]

    @contextmanager
    def exhausted(self) -> Iterator[None]:
        """Every place taken."""
        with ExitStack() as held:
            for _ in range(self.clients):
                line = held.enter_context(socket.create_connection(("127.0.0.1", self.port)))
                line.settimeout(5)
                line.sendall(b"PING\r\n")
                line.recv(200)  # it has been let in, or refused
            yield
