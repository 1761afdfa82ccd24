"""Around the routes: bodies are counted before anything reads them, errors are JSON."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observer.errors import ConfigurationError

_BODY_TIMEOUT_S = 10.0
_OPEN_PATHS = ("/alerts", "/health")


class BodyLimit:
    """Reads a request's body whole, within a size and a time, or answers 413, 415 or 408."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH", "DELETE"):
            await self._app(scope, receive, send)
            return
        headers = {k.lower(): v for k, v in scope["headers"]}
        if headers.get(b"content-encoding", b"identity") != b"identity":
            await _refuse(send, 415, "a compressed body is not accepted", "content-encoding")
            return
        declared = headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > self._limit:
            await _refuse(send, 413, f"the body has more than {self._limit} bytes", "(body)")
            return
        body = bytearray()
        try:
            async with asyncio.timeout(_BODY_TIMEOUT_S):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
                    if len(body) > self._limit:
                        what = f"the body has more than {self._limit} bytes"
                        await _refuse(send, 413, what, "(body)")
                        return
        except TimeoutError:
            what = f"the body did not arrive within {_BODY_TIMEOUT_S:g} s"
            await _refuse(send, 408, what, "(body)")
            return
        delivered = False

        async def replay() -> Message:
            nonlocal delivered
            if delivered:
                return await receive()
            delivered = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, replay, send)


class LoopbackOnly:
    """Everything but the signed webhook and the health check is for this machine's users."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {k.lower(): v for k, v in scope["headers"]}
            if scope["method"] != "GET" and _of_another_site(headers):
                await _refuse(send, 403, "not from a page of another site", "origin")
                return
            client = scope.get("client")
            closed = not scope["path"].startswith(_OPEN_PATHS)
            if closed and (client is None or not is_loopback(client[0])):
                await _refuse(send, 403, "only from this machine", "(client)")
                return
        await self._app(scope, receive, send)


def _of_another_site(headers: dict[bytes, bytes]) -> bool:
    """A browser names the page's origin; programs send none."""
    origin = headers.get(b"origin")
    return origin is not None and origin.partition(b"://")[2] != headers.get(b"host", b"")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _refuse(send: Send, status: int, detail: str, field: str) -> None:
    body = json.dumps({"detail": detail, "field": field}).encode()
    headers: list[tuple[bytes, Any]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


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

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            address = self.servers[0].sockets[0].getsockname()
            where = f"http://{address[0]}:{address[1]}"
            print(f"[observer] Process running. Send events to {where}/alerts", flush=True)
            print("[observer] Press Ctrl+C to stop.", flush=True)

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
