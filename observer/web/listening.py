"""Where the service listens, and how it begins and ends."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from observer.errors import ConfigurationError


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that has the address; whoever connects is refused until it listens.

    Raises:
        ConfigurationError: somebody else has it, or there is no such address.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another --port"
        ) from error
    return listener


class QuietServer(uvicorn.Server):
    """Says where it listens once it does, and leaves the ending to the observer."""

    def __init__(
        self, config: uvicorn.Config, *, ready: Callable[[], None], leaving: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._leaving = leaving

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            address = self.servers[0].sockets[0].getsockname()
            where = f"http://{address[0]}:{address[1]}"
            print(f"[observer] Process running. Send events to {where}/alerts", flush=True)
            print("[observer] Press Ctrl+C to stop.", flush=True)
            self._ready()

    async def shutdown(self, sockets: Any = None) -> None:
        # Whoever follows something would else be waited for.
        self._leaving()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn raises the signal again when it is done, and we would die before draining.

        A second signal while draining ends the process at once.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
