"""The routes of bearer tokens: for an admin of all tenants."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response, status

from observer.domain.token_order import TokenOrder
from observer.records.tokens import shown
from observer.web.access import AdministratorOfAll
from observer.web.bodies import Current, JsonBody, body_of, read_body
from observer.web.refusals import REFUSALS

tokens = APIRouter()


@tokens.get("/tokens")
async def list_tokens(caller: AdministratorOfAll, observer: Current) -> dict[str, Any]:
    """All that were ever made, the oldest first; never what would let anybody in."""
    return {"tokens": [shown(token) for token in observer.services.tokens.listed()]}


@tokens.post(
    "/tokens",
    status_code=status.HTTP_201_CREATED,
    responses=REFUSALS,
    openapi_extra=body_of(TokenOrder),
)
async def add_token(
    caller: AdministratorOfAll, body: JsonBody, observer: Current, response: Response
) -> dict[str, Any]:
    """Make one; its text stands in this answer and nowhere else."""
    order = read_body(TokenOrder, body)
    added, text = await observer.services.tokens.add(order, by=caller.name)
    observer.services.drain.wake()
    response.headers["Cache-Control"] = "no-store"
    return {**shown(added), "token": text}


@tokens.post("/tokens/{token}/revoke", responses=REFUSALS)
async def revoke_token(caller: AdministratorOfAll, observer: Current, token: str) -> dict[str, Any]:
    """Let one, by its name or id, open nothing from this moment on."""
    revoked = await observer.services.tokens.revoke(token, by=caller.name)
    observer.services.drain.wake()
    return shown(revoked)
