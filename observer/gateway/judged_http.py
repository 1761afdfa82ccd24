"""One HTTP exchange with a service of the settings: to the address that was judged, no redirect."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx

from observer.domain.backoff import seconds_asked_for

_MOST_BYTES = 4 << 20


class NoAnswer(Exception):
    """The far side could not be asked; says why, and nothing of what was sent."""


@dataclass(frozen=True)
class HttpAnswer:
    """What came back."""

    status: int
    body: bytes
    retry_after_s: float | None = None
    """Seconds that it wants to be left alone for, if it says so."""


async def post_json(
    base: str, path: str, body: dict[str, Any], *, limit_s: float
) -> tuple[int, Any]:
    """Status and JSON of the answer.

    Raises:
        NoAnswer: there is none in time, or none that is JSON.
    """
    url = base.rstrip("/") + path
    content = json.dumps(body).encode()
    answer = await exchange(url, content, {"content-type": "application/json"}, limit_s=limit_s)
    try:
        return answer.status, json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise NoAnswer(f"{httpx.URL(url).host}: {type(error).__name__}") from None


async def exchange(
    address: str,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    limit_s: float,
) -> HttpAnswer:
    """POST the content, or GET where there is none.

    Raises:
        NoAnswer: there is none in time.
    """
    host = "the address"
    try:
        url = httpx.URL(address)
        host = url.host
        async with asyncio.timeout(limit_s):
            return await _send(url, content, headers or {})
    except TimeoutError:
        raise NoAnswer(f"{host}: no answer within {limit_s:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        # Not the error's own words: they may hold the path, and a token is in the path.
        raise NoAnswer(f"{host}: {type(error).__name__}") from None


async def _send(url: httpx.URL, content: bytes | None, headers: Mapping[str, str]) -> HttpAnswer:
    refusal: httpx.ConnectError | None = None
    for address in await _judged(url.host, url.port or (443 if url.scheme == "https" else 80)):
        async with httpx.AsyncClient(
            timeout=None,  # noqa: S113  the caller's limit is for the whole exchange
            verify=_tls(),
            trust_env=False,
            follow_redirects=False,
        ) as client:
            request = client.build_request(
                "GET" if content is None else "POST",
                url.copy_with(host=address),
                content=content,
                headers={
                    **headers,
                    "host": url.netloc.decode(),
                    "accept-encoding": "identity",
                },
                extensions={"sni_hostname": url.host},
            )
            try:
                response = await client.send(request, stream=True)
            except httpx.ConnectError as error:
                refusal = error
                continue
            said = bytearray()
            async for chunk in response.aiter_raw():
                said += chunk
                if len(said) > _MOST_BYTES:
                    raise NoAnswer(f"{url.host}: the answer is too large")
            ordered = seconds_asked_for(response.headers.get("retry-after", ""), time.time())
            return HttpAnswer(response.status_code, bytes(said), ordered)
    assert refusal is not None  # noqa: S101  a name leads to one address at least
    raise refusal


async def _judged(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        ip = ipaddress.ip_address(address.partition("%")[0])
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if ip.is_link_local or ip.is_multicast:
            raise NoAnswer(f"{host} leads to {address}, which is never connected to")
    return addresses


@cache
def _tls() -> ssl.SSLContext:
    """Made once: it costs more than an exchange."""
    return ssl.create_default_context()
