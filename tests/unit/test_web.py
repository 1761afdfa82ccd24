"""Around the routes: a body is read whole within its size and time, or never reaches a route."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import example, given
from hypothesis import strategies as st

from observer.web import middleware
from observer.web.middleware import BodyLimit, LoopbackOnly, is_loopback
from server import router

LIMIT = 10
JSON_KEYS = {"detail", "field"}


class Caller:
    """One request, message by message, and what came back."""

    def __init__(self, *pieces: bytes | float | None, **scope: Any) -> None:
        self.pieces = list(pieces)
        """Bytes arrive, a number waits so many seconds, None hangs up."""
        headers = [(k.encode(), v.encode()) for k, v in scope.pop("headers", {}).items()]
        self.scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, **scope}
        self.seen: bytes | None = None
        self.status: int | None = None
        self.answer: dict[str, Any] = {}

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen = b""
        more = True
        while more:
            message = await receive()
            self.seen += message.get("body", b"")
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def receive(self) -> dict[str, Any]:
        piece = self.pieces.pop(0)
        if isinstance(piece, float):
            await asyncio.sleep(piece)
            return await self.receive()
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": bool(self.pieces)}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.answer = json.loads(message["body"])

    async def limited(self) -> Caller:
        await BodyLimit(self.app, LIMIT)(self.scope, self.receive, self.send)  # type: ignore[arg-type]
        return self

    async def loopback_only(self) -> Caller:
        await LoopbackOnly(self.app)(self.scope, self.receive, self.send)  # type: ignore[arg-type]
        return self


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=6))
@example([b"x" * LIMIT])
@example([b"x" * LIMIT, b"x"])
@example([b"x" * LIMIT, b""])
def test_a_body_in_any_pieces_arrives_whole_or_is_413(pieces: list[bytes]) -> None:
    """Case 55."""
    whole = b"".join(pieces)
    caller = asyncio.run(Caller(*pieces).limited())
    if len(whole) <= LIMIT:
        assert (caller.status, caller.seen) == (200, whole)
    else:
        assert (caller.status, caller.seen) == (413, None)
        assert set(caller.answer) == JSON_KEYS


@pytest.mark.asyncio
async def test_a_declared_length_over_the_limit_is_refused_before_a_byte_is_read() -> None:
    caller = await Caller(headers={"content-length": str(LIMIT + 1)}).limited()
    assert (caller.status, caller.seen) == (413, None)


@pytest.mark.asyncio
async def test_a_length_that_lies_does_not_get_more_in() -> None:
    caller = await Caller(b"x" * 9, b"x" * 9, headers={"content-length": "5"}).limited()
    assert (caller.status, caller.seen) == (413, None)


@pytest.mark.asyncio
async def test_a_body_that_drips_is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    """Case 55."""
    monkeypatch.setattr(middleware, "_BODY_TIMEOUT_S", 0.05)
    caller = await Caller(b"a", 0.03, b"b", 0.03, b"c", 0.03, b"d").limited()
    assert (caller.status, caller.seen) == (408, None)
    assert caller.answer == {"detail": "the body did not arrive within 0.05 s", "field": "(body)"}


@pytest.mark.asyncio
async def test_who_hangs_up_gets_no_answer_and_no_route() -> None:
    caller = await Caller(b"half", None).limited()
    assert (caller.status, caller.seen) == (None, None)


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "x"])
@pytest.mark.asyncio
async def test_a_compressed_body_is_415(encoding: str) -> None:
    caller = await Caller(b"x", headers={"content-encoding": encoding}).limited()
    assert (caller.status, caller.answer["field"]) == (415, "content-encoding")


@pytest.mark.parametrize(
    ("path", "client", "status"),
    [
        ("/alerts", "203.0.113.9", 200),
        ("/alerts/grafana", "203.0.113.9", 200),
        ("/health", "203.0.113.9", 200),
        ("/sessions", "203.0.113.9", 403),
        ("/sessions/x/resume", "203.0.113.9", 403),
        ("/approvals", "203.0.113.9", 403),
        ("/control/pause", "203.0.113.9", 403),
        ("/docs", "203.0.113.9", 403),
        ("//alerts/../sessions", "203.0.113.9", 403),
        ("/sessions", "127.0.0.1", 200),
        ("/sessions", "::1", 200),
        ("/sessions", None, 403),
    ],
)
@pytest.mark.asyncio
async def test_from_another_machine_only_the_webhook_and_the_health_are_reached(
    path: str, client: str | None, status: int
) -> None:
    where = None if client is None else (client, 40_000)
    caller = await Caller(b"", path=path, client=where).loopback_only()
    assert caller.status == status


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("2130706433", False),
        ("", False),
    ],
)
def test_only_addresses_of_this_machine_are_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


class SickObserver:
    """Knows what is nobody's business off this machine."""

    async def health(self) -> tuple[bool, dict[str, Any]]:
        return False, {"state": "SUSPENDED", "held": [{"tenant_id": "acme"}], "reasons": ["why"]}


@pytest.mark.parametrize(
    ("client", "told"),
    [
        ("203.0.113.9", {"state"}),
        ("127.0.0.1", {"state", "held", "reasons"}),
    ],
)
@pytest.mark.asyncio
async def test_off_this_machine_health_tells_its_state_and_no_tenants_affairs(
    client: str, told: set[str]
) -> None:
    app = FastAPI()
    app.include_router(router)
    app.state.observer = SickObserver()
    transport = httpx.ASGITransport(app, client=(client, 40_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://observer") as caller:
        answer = await caller.get("/health")
    assert (answer.status_code, set(answer.json())) == (503, told)
