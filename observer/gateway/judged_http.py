"""One JSON exchange with a service of the settings: to the address that was judged, no redirect."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
from typing import Any

import httpx

_MOST_BYTES = 4 << 20


class NoAnswer(Exception):
    """The far side could not be asked; says why, and nothing of what was sent."""


async def post_json(
    base: str, path: str, body: dict[str, Any], *, limit_s: float
) -> tuple[int, Any]:
    """Status and JSON of the answer.

    Raises:
        NoAnswer: there is none in time, or none that is JSON.
    """
    url = httpx.URL(base.rstrip("/") + path)
    try:
        async with asyncio.timeout(limit_s):
            return await _post(url, body)
    except TimeoutError:
        raise NoAnswer(f"{url.host}: no answer within {limit_s:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RecursionError) as error:
        # Not the error's own words: they may hold the path, and a token is in the path.
        raise NoAnswer(f"{url.host}: {type(error).__name__}") from None


async def _post(url: httpx.URL, body: dict[str, Any]) -> tuple[int, Any]:
    refusal: httpx.ConnectError | None = None
    for address in await _judged(url.host, url.port or (443 if url.scheme == "https" else 80)):
        async with httpx.AsyncClient(
            timeout=None,  # noqa: S113  the caller's limit is for the whole exchange
            trust_env=False,
            follow_redirects=False,
        ) as client:
            request = client.build_request(
                "POST",
                url.copy_with(host=address),
                json=body,
                headers={"host": url.netloc.decode(), "accept-encoding": "identity"},
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
            return response.status_code, json.loads(said)
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
