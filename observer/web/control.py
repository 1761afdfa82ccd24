"""The routes of who runs it: questions, what was given up, and orders to hold or to go on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, status
from pydantic import Field

from observer.domain.access import Caller
from observer.domain.hold import EVERYBODY
from observer.errors import PayloadRejected, UnknownApproval
from observer.web.access import Operator, Reader
from observer.web.bodies import Current, JsonBody, Order, SwitchOrder, body_of, read_body
from observer.web.refusals import REFUSALS

control = APIRouter()


@control.get("/approvals")
async def approvals(
    caller: Reader, observer: Current, tenant_id: str | None = None
) -> dict[str, Any]:
    """The open questions, oldest first."""
    pending = await observer.services.approvals.pending(tenant_id=caller.tenant(tenant_id))
    return {"approvals": [approval.as_json() for approval in pending]}


@control.get("/approvals/{approval_id}", responses=REFUSALS)
async def approval(caller: Reader, observer: Current, approval_id: str) -> dict[str, Any]:
    """One question, whatever became of it."""
    found = await observer.services.approvals.get(approval_id)
    if not caller.sees(found.tenant_id):
        raise UnknownApproval(f"no approval has the id '{approval_id}'")
    return found.as_json()


@control.get("/dead-letters")
async def dead_letters(
    caller: Reader,
    observer: Current,
    tenant_id: str | None = None,
    limit: Annotated[int, Field(ge=1, le=1000)] = 50,
) -> dict[str, Any]:
    """The events that were given up after their tries, the newest first."""
    listed = await observer.services.dead_letters.list(
        tenant_id=caller.tenant(tenant_id), limit=limit
    )
    return {"dead_letters": listed}


@control.post(
    "/dead-letters/{dead_letter_id}/redeliver",
    status_code=status.HTTP_202_ACCEPTED,
    responses=REFUSALS,
)
async def redeliver(caller: Operator, observer: Current, dead_letter_id: str) -> dict[str, Any]:
    """Try one event again that was given up."""
    return await observer.redeliver(dead_letter_id, caller.tenant(None))


@control.post("/control/kill-switch", responses=REFUSALS, openapi_extra=body_of(SwitchOrder))
async def kill_switch(caller: Operator, body: JsonBody, observer: Current) -> dict[str, Any]:
    """No remedy starts while it is on; looking and telling people go on."""
    order = read_body(SwitchOrder, body)
    switch = observer.services.kill_switch
    changed = await switch.turn(caller.over(order.tenant_id), on=order.on)
    observer.services.drain.wake()
    standing = await switch.standing()
    return {
        "kill_switch": _own(caller, standing["kill_switch"]),
        "kill_switch_by": {
            what: _own(caller, whom) for what, whom in standing["kill_switch_by"].items()
        },
        "changed": changed,
    }


@control.post("/control/{command}", responses=REFUSALS, openapi_extra=body_of(Order))
async def order(
    command: Literal["pause", "unpause", "restart"],
    caller: Operator,
    body: JsonBody,
    observer: Current,
) -> dict[str, Any]:
    """Pause or go on, for a tenant or for all; or start again after FAILED."""
    tenant_id = read_body(Order, body).tenant_id
    if command == "restart" and tenant_id is not None:
        raise PayloadRejected("only all can be restarted", field="tenant_id")
    whom = caller.over(tenant_id)
    match command:
        case "pause":
            changed = await observer.lifecycle.pause(whom, caller.name)
        case "unpause":
            changed = await observer.lifecycle.unpause(whom)
        case "restart":
            changed = await observer.lifecycle.restart()
    observer.services.drain.wake()
    held = [h for h in observer.held() if h["tenant_id"] in _own(caller, [h["tenant_id"]])]
    return {"state": observer.lifecycle.state, "changed": changed, "held": held}


def _own(caller: Caller, tenants: list[str]) -> list[str]:
    """Those whose affairs are the caller's: what holds everybody holds him, too."""
    return [tenant for tenant in tenants if tenant == EVERYBODY or caller.sees(tenant)]
