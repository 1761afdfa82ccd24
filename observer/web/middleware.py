"""Around the routes: bodies are counted before anything reads them, errors are JSON."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BODY_TIMEOUT_S = 10.0
_FORWARDED = {b"forwarded", b"x-real-ip", b"via"}


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
            await refuse(send, 415, "a compressed body is not accepted", "content-encoding")
            return
        declared = headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > self._limit:
            await refuse(send, 413, f"the body has more than {self._limit} bytes", "(body)")
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
                        await refuse(send, 413, what, "(body)")
                        return
        except TimeoutError:
            what = f"the body did not arrive within {_BODY_TIMEOUT_S:g} s"
            await refuse(send, 408, what, "(body)")
            return
        delivered = False

        async def replay() -> Message:
            nonlocal delivered
            if delivered:
                return await receive()
            delivered = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, replay, send)


def of_another_site(headers: dict[bytes, bytes]) -> bool:
    """A browser names the page's origin; programs send none."""
    origin = headers.get(b"origin")
    return origin is not None and origin.partition(b"://")[2] != headers.get(b"host", b"")


def is_local(client: tuple[str, int] | None) -> bool:
    """Whether a caller is on this machine; who does not say where it is, is not."""
    return client is not None and is_loopback(client[0])


def is_forwarded(headers: dict[bytes, bytes]) -> bool:
    """Whether a proxy says that it passes the request on; many say nothing by default."""
    return any(name in _FORWARDED or name.startswith(b"x-forwarded") for name in headers)


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_loopback_name(host: bytes | None) -> bool:
    """Whether a request named this machine by a loopback name; a browser always names one."""
    if host is None:
        return True
    try:
        return is_loopback(urlsplit(f"//{host.decode('latin-1')}").hostname or "")
    except ValueError:
        return False


async def refuse(
    send: Send,
    status: int,
    detail: str,
    field: str,
    more: tuple[tuple[bytes, bytes], ...] = (),
) -> None:
    """Answer a request before any route sees it."""
    body = json.dumps({"detail": detail, "field": field}).encode()
    headers: list[tuple[bytes, Any]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
