"""Around the routes: a body is read whole within its size and time, or never reaches a route."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from hypothesis import example, given
from hypothesis import strategies as st

from observer.domain import access
from observer.web import middleware
from observer.web.access import Gate, refuse_unguarded
from observer.web.middleware import BodyLimit, is_loopback
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
        self.headers: dict[bytes, bytes] = {}
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
            self.headers = dict(message["headers"])
        else:
            self.answer = json.loads(message["body"])

    async def limited(self) -> Caller:
        await BodyLimit(self.app, LIMIT)(self.scope, self.receive, self.send)  # type: ignore[arg-type]
        return self

    async def at_the_gate(self, **tokens: access.Caller) -> Caller:
        """With these tokens made; none: none ever was."""
        self.scope["app"] = SimpleNamespace(state=state_with(tokens))
        await Gate(self.app)(self.scope, self.receive, self.send)  # type: ignore[arg-type]
        return self


def state_with(tokens: dict[str, access.Caller], observer: Any = None) -> SimpleNamespace:
    """An application's state whose observer knows these tokens."""
    known = SimpleNamespace(required=bool(tokens), bearer=tokens.get)
    observer = observer or SimpleNamespace()
    observer.services = SimpleNamespace(tokens=known)
    return SimpleNamespace(observer=observer)


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
        ("/alertsessions", "203.0.113.9", 403),
        ("/health/../sessions", "203.0.113.9", 403),
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
    caller = await Caller(b"", path=path, client=where).at_the_gate()
    assert caller.status == status


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9090", "[::2]:9090", "", "["])
@pytest.mark.asyncio
async def test_a_name_that_was_made_to_lead_here_is_no_user_of_this_machine(host: str) -> None:
    caller = Caller(b"", path="/sessions", client=("127.0.0.1", 1), headers={"host": host})
    assert (await caller.at_the_gate()).status == 403


@pytest.mark.parametrize(
    "name", ["Forwarded", "X-Forwarded-For", "x-forwarded-proto", "X-Real-IP", "Via"]
)
@pytest.mark.asyncio
async def test_who_comes_through_a_proxy_that_says_so_is_no_user_of_this_machine(name: str) -> None:
    headers = {"host": "127.0.0.1:9090", name: "203.0.113.9"}
    caller = Caller(b"", path="/sessions", client=("127.0.0.1", 1), headers=headers)
    assert (await caller.at_the_gate()).status == 403


@pytest.mark.parametrize("host", ["127.0.0.1:9090", "localhost", "[::1]:9090", "LOCALHOST:1"])
@pytest.mark.asyncio
async def test_a_loopback_name_is_this_machines(host: str) -> None:
    caller = Caller(b"", path="/sessions", client=("127.0.0.1", 1), headers={"host": host})
    assert (await caller.at_the_gate()).status == 200


ANN = access.Caller(access.Role.VIEWER, "acme", "ann")


@pytest.mark.parametrize("client", ["127.0.0.1", "203.0.113.9", None])
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("Bearer good", 200),
        ("bearer  good ", 200),
        (None, 401),
        ("", 401),
        ("good", 401),
        ("Bearer", 401),
        ("Bearer bad", 401),
        ("Basic good", 401),
        ("Bearer good good", 401),
    ],
)
@pytest.mark.asyncio
async def test_once_there_are_tokens_everybody_needs_one(
    client: str | None, sent: str | None, status: int
) -> None:
    headers = {} if sent is None else {"authorization": sent}
    where = None if client is None else (client, 40_000)
    caller = Caller(b"", path="/sessions", client=where, headers=headers)
    await caller.at_the_gate(good=ANN)
    assert caller.status == status
    if status == 401:
        assert caller.seen is None
        assert caller.headers[b"www-authenticate"] == b"Bearer"
        assert set(caller.answer) == JSON_KEYS
        assert "good" not in str(caller.answer)
        assert "observer token add" in caller.answer["detail"]


@pytest.mark.parametrize("path", ["/alerts", "/alerts/grafana", "/health"])
@pytest.mark.asyncio
async def test_the_webhook_and_the_health_stay_open(path: str) -> None:
    caller = await Caller(b"", path=path, client=("203.0.113.9", 1)).at_the_gate(good=ANN)
    assert (caller.status, caller.scope["state"]["caller"]) == (200, None)


@pytest.mark.asyncio
async def test_a_page_of_another_site_is_refused_whatever_it_sends() -> None:
    """Case 59."""
    headers = {"origin": "https://evil.example", "host": "x:1", "authorization": "Bearer good"}
    caller = await Caller(b"", path="/control/pause", headers=headers).at_the_gate(good=ANN)
    assert (caller.status, caller.seen) == (403, None)


def test_a_route_that_does_not_say_who_may_reach_it_stops_the_program() -> None:
    app = FastAPI()
    careless = APIRouter()

    @careless.get("/sessions/{session_id}/secrets")
    async def secrets(session_id: str) -> None: ...

    app.include_router(router)
    refuse_unguarded(app)
    app.include_router(careless, prefix="/v2")
    with pytest.raises(RuntimeError, match=r"GET /v2/sessions/.*/secrets does not say"):
        refuse_unguarded(app)


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
    """Knows what is nobody's business but its own."""

    services: Any

    async def health(self) -> tuple[bool, dict[str, Any]]:
        return False, {"state": "SUSPENDED", "held": [{"tenant_id": "acme"}], "reasons": ["why"]}


EVERYTHING = {"state", "held", "reasons"}


@pytest.mark.parametrize(
    ("client", "sent", "told"),
    [
        ("203.0.113.9", None, {"state"}),
        ("127.0.0.1", None, EVERYTHING),
        ("127.0.0.1", "none of these", {"state"}),
        ("127.0.0.1", "of-acme", {"state"}),
        ("203.0.113.9", "of-all", EVERYTHING),
    ],
)
@pytest.mark.asyncio
async def test_health_tells_its_state_and_no_tenants_affairs_to_who_may_not_read_all(
    client: str, sent: str | None, told: set[str]
) -> None:
    """Case 46."""
    made = {"of-acme": ANN, "of-all": access.Caller(access.Role.VIEWER)} if sent else {}
    app = FastAPI()
    app.include_router(router)
    app.add_middleware(Gate)
    app.state.observer = state_with(made, SickObserver()).observer
    transport = httpx.ASGITransport(app, client=(client, 40_000))
    headers = {"authorization": f"Bearer {sent}"} if sent else {}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as caller:
        answer = await caller.get("/health", headers=headers)
    assert (answer.status_code, set(answer.json())) == (503, told)
