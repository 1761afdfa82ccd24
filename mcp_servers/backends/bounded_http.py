"""One HTTP exchange: bounded in bytes, to the address that was judged, no redirect followed."""

import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from mcp_servers.backends.addresses import resolve, unreachable
from mcp_servers.backends.trouble import SourceTrouble, Unreachable, WrongParameters
from mcp_servers.masking import MASK, credentials, forms

MOST_BYTES = 4 << 20


@dataclass(frozen=True)
class Address:
    """An address of the settings, its credentials apart from it."""

    url: str
    auth: tuple[str, str] | None = None
    socket_file: str | None = None
    name: str = ""
    held: tuple[str, ...] = ()
    """Secrets that go there in a path or a body; they must not come back."""

    @classmethod
    def parse(cls, text: str, name: str = "", held: tuple[str, ...] = ()) -> "Address":
        """The parts of `http(s)://user:secret@host/path`."""
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WrongParameters("an address begins with http:// or https:// and names a host")
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")
        return cls(urlunsplit(bare), credentials(text), name=name, held=held)

    @property
    def place(self) -> str:
        """What and where it is, fit to be shown."""
        where = self.socket_file or urlsplit(self.url).netloc
        return f"{self.name} at {where}" if self.name else where


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    retry_after: str = ""

    @property
    def media(self) -> str:
        """What a body that should have been something else looks like."""
        return "HTML" if self.body.lstrip()[:1] == b"<" else f"{len(self.body)} bytes"


async def exchange(
    address: Address,
    path: str = "",
    *,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    most_bytes: int = MOST_BYTES,
    cut: bool = False,
    begun: Callable[[], None] | None = None,
) -> Answer:
    """GET, or POST where there is content. With `cut`, a longer body is cut instead of refused.

    The caller sets the time limit. `begun` is called just before the first byte goes out: without
    it, nobody has heard of the request.

    Raises:
        Unreachable: there is no connection.
        SourceTrouble: what came back is no HTTP, or too much.
        WrongParameters: the address is one that is never connected to.
    """
    url = httpx.URL(address.url.rstrip("/") + path if path else address.url)
    port = url.port or (443 if url.scheme == "https" else 80)
    extensions: dict[str, Any] = {"sni_hostname": url.host}
    if begun is not None:
        extensions["trace"] = _tracing(begun)
    targets = [""] if address.socket_file else await resolve(url.host, port)
    refusal: Unreachable | None = None
    for target in targets:
        transport = httpx.AsyncHTTPTransport(verify=_tls(), uds=address.socket_file)
        async with httpx.AsyncClient(
            # The caller's limit is for the whole exchange, not for each of its waits.
            timeout=None,  # noqa: S113
            transport=transport,
            trust_env=False,
            follow_redirects=False,
        ) as client:
            request = client.build_request(
                "GET" if content is None else "POST",
                url.copy_with(host=target) if target else url,
                params=params,
                content=content,
                headers={
                    **(headers or {}),
                    "host": url.netloc.decode(),
                    # What is sent compressed can grow a thousandfold before it is counted.
                    "accept-encoding": "identity",
                },
                extensions=extensions,
            )
            try:
                response = await client.send(
                    request, auth=address.auth or httpx.USE_CLIENT_DEFAULT, stream=True
                )
                body = await _body(response, most_bytes, cut)
                return Answer(
                    response.status_code,
                    _without(body, address, headers or {}),
                    response.headers.get("retry-after", "")[:40],
                )
            except httpx.ConnectError as error:
                if isinstance(_root(error), ssl.SSLError):
                    raise Unreachable(f"{address.place}: {_root(error)}", refused=True) from error
                refusal = unreachable(address.place, error)
            except httpx.NetworkError as error:
                raise unreachable(address.place, error) from error
            except httpx.RemoteProtocolError as error:
                hung_up = f"{address.place} hung up or speaks no HTTP"
                raise Unreachable(hung_up, refused=True) from error
            except httpx.HTTPError as error:
                raise SourceTrouble(f"{address.place}: {type(error).__name__}") from error
    assert refusal is not None  # noqa: S101  a name leads to one address at least
    raise refusal


def _tracing(begun: Callable[[], None]) -> Callable[[str, Any], Awaitable[None]]:
    async def trace(event: str, _: Any) -> None:
        if event.endswith("send_request_headers.started"):
            begun()

    return trace


async def _body(response: httpx.Response, most_bytes: int, cut: bool) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise SourceTrouble("the answer is compressed, although none such was asked for")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > most_bytes:
            if cut:
                return bytes(body[:most_bytes])
            raise SourceTrouble(f"the answer is larger than {most_bytes >> 10} KiB")
    return bytes(body)


def _without(body: bytes, address: Address, headers: Mapping[str, str]) -> bytes:
    """A body without what it was sent: masked while whole, before anything of it is cut."""
    held = forms(*address.auth) if address.auth else set()
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    held = held.union(*(forms("", secret) for secret in (bearer, *address.held) if secret))
    for form in sorted(held, key=len, reverse=True):
        body = body.replace(form.encode(), MASK.encode())
    return body


def _root(error: BaseException) -> BaseException:
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return error


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
