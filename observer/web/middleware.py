"""Around the routes: bodies are counted before anything reads them, errors are JSON."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
            if closed and not is_local(client):
                await _refuse(send, 403, "only from this machine", "(client)")
                return
        await self._app(scope, receive, send)


def _of_another_site(headers: dict[bytes, bytes]) -> bool:
    """A browser names the page's origin; programs send none."""
    origin = headers.get(b"origin")
    return origin is not None and origin.partition(b"://")[2] != headers.get(b"host", b"")


def is_local(client: tuple[str, int] | None) -> bool:
    """Whether a caller is on this machine; who does not say where it is, is not."""
    return client is not None and is_loopback(client[0])


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
