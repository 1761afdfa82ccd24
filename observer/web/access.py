"""Who asks: known before any route hears of it, and every route says what it takes.

A route takes one of the parameters below, and with it a `Caller` that says whose affairs it may
show. One that takes none is refused when the application is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.types import ASGIApp, Receive, Scope, Send

from observer.domain.access import HERE, Caller, Power, Role
from observer.errors import NotAllowed
from observer.records.tokens import Tokens
from observer.web.middleware import (
    is_forwarded,
    is_local,
    is_loopback_name,
    of_another_site,
    refuse,
)

OPEN = {"POST /alerts", "POST /alerts/{source}", "GET /health"}
"""What everybody may reach: signed, or telling no more than its state."""
DOCUMENTATION = {
    f"GET {path}" for path in ("/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json")
}
"""FastAPI's own pages, which tell nobody's affairs: for whoever gets through the gate."""
SEND_ONE = (
    "this observer takes tokens: send `Authorization: Bearer TOKEN` (the commands take it from"
    " OBSERVER_TOKEN); `observer token add` makes one"
)
NOT_THIS_ONE = "the token is unknown, expired or revoked; `observer token add` makes a new one"


class Gate:
    """Lets in who comes with a token; where none was ever made, this machine's users alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {k.lower(): v for k, v in scope["headers"]}
            if scope["method"] != "GET" and of_another_site(headers):
                await refuse(send, 403, "not from a page of another site", "origin")
                return
            tokens: Tokens = scope["app"].state.observer.services.tokens
            caller = _caller(scope, headers, tokens)
            if caller is None and not _is_open(scope["path"]):
                if not tokens.required:
                    await refuse(send, 403, "only from this machine, or with a token", "(client)")
                    return
                why = NOT_THIS_ONE if b"authorization" in headers else SEND_ONE
                challenge = ((b"www-authenticate", b"Bearer"),)
                await refuse(send, 401, why, "authorization", challenge)
                return
            scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)


def _caller(scope: Scope, headers: dict[bytes, bytes], tokens: Tokens) -> Caller | None:
    if tokens.required:
        scheme, _, text = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        return tokens.bearer(text.strip()) if scheme.lower() == "bearer" else None
    # A page whose name was made to lead here is no user of this machine, nor is who comes through
    # a proxy that says so. One that says nothing cannot be told from a user: behind a proxy there
    # must be a token.
    here = is_local(scope.get("client")) and is_loopback_name(headers.get(b"host"))
    return HERE if here and not is_forwarded(headers) else None


def _is_open(path: str) -> bool:
    return path in ("/alerts", "/health") or path.startswith("/alerts/")


def caller_of(request: Request) -> Caller | None:
    """Who asks; None: somebody who came without a token through an open door."""
    return request.scope.get("state", {}).get("caller")


class Needs:
    """What a route takes: one of these powers and, if `whole`, a token for all tenants."""

    def __init__(self, *powers: Power, whole: bool = False) -> None:
        self._powers = powers
        self.whole = whole

    async def __call__(self, request: Request) -> Caller:
        """Who asks, and may.

        Raises:
            NotAllowed: the role, or the tenant, is not one it takes.
        """
        caller = caller_of(request)
        if caller is None:
            raise NotAllowed(SEND_ONE)
        caller.need(*self._powers, whole=self.whole)
        return caller

    def admits(self, role: Role) -> bool:
        """Whether a role may come in."""
        try:
            Caller(role).need(*self._powers)
        except NotAllowed:
            return False
        return True


Reader = Annotated[Caller, Depends(Needs(Power.READ))]
Operator = Annotated[Caller, Depends(Needs(Power.OPERATE))]
Answerer = Annotated[Caller, Depends(Needs(Power.APPROVE, Power.OPERATE))]
"""Who answers a question, or picks up what was given up; the route asks for the one it is."""
Administrator = Annotated[Caller, Depends(Needs(Power.ADMINISTER))]
ReaderOfAll = Annotated[Caller, Depends(Needs(Power.READ, whole=True))]
OperatorOfAll = Annotated[Caller, Depends(Needs(Power.OPERATE, whole=True))]
AdministratorOfAll = Annotated[Caller, Depends(Needs(Power.ADMINISTER, whole=True))]


def doors(app: FastAPI) -> dict[str, list[Needs]]:
    """What each route takes, by its method and path; nothing: who gets through the gate."""
    found: dict[str, list[Needs]] = {}
    for route in iter_route_contexts(app.routes):
        needs = list(_needs(getattr(route, "dependant", None)))
        for method in sorted((route.methods or set()) - {"HEAD"}):
            found[f"{method} {route.path}"] = needs
    return found


def refuse_unguarded(app: FastAPI) -> None:
    """Stop a program whose author forgot to say who may reach a route.

    Raises:
        RuntimeError: there is such a route.
    """
    for door, needs in doors(app).items():
        if not needs and door not in OPEN | DOCUMENTATION:
            raise RuntimeError(
                f"{door} does not say who may reach it: give it a parameter of"
                " observer/web/access.py"
            )


def _needs(dependant: Dependant | None) -> Iterator[Needs]:
    for inner in [] if dependant is None else dependant.dependencies:
        if isinstance(inner.call, Needs):
            yield inner.call
        yield from _needs(inner)
