"""The routes that delete a tenant's data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Response, status
from pydantic import BaseModel, ConfigDict, Field

from observer.sources.native import Name
from observer.web.access import Administrator
from observer.web.bodies import Current, JsonBody, body_of, read_body
from observer.web.refusals import REFUSALS

data = APIRouter()


class DeleteOrder(BaseModel):
    """Whose data, and how old it must be at least."""

    model_config = ConfigDict(extra="forbid")

    tenant_id: Name
    older_than_s: Annotated[float, Field(ge=0, le=100 * 366 * 86400)] = 0.0
    dry_run: bool = False


@data.post(
    "/data/delete",
    status_code=status.HTTP_202_ACCEPTED,
    responses={**REFUSALS, 200: {"description": "A dry run: what would be deleted"}},
    openapi_extra=body_of(DeleteOrder),
)
async def delete(
    body: JsonBody, caller: Administrator, observer: Current, response: Response
) -> dict[str, Any]:
    """Write the order down and answer what it finds; it is carried out little by little."""
    order = read_body(DeleteOrder, body)
    caller.over(order.tenant_id)
    deletions = observer.deletions
    found = await deletions.found(order.tenant_id, order.older_than_s)
    if order.dry_run:
        response.status_code = status.HTTP_200_OK
    else:
        await deletions.order(order.tenant_id, order.older_than_s, by=caller.name)
    return {"tenant_id": order.tenant_id, **asdict(found), "dry_run": order.dry_run}


@data.get("/data/deletions")
async def deletions(caller: Administrator, observer: Current) -> dict[str, Any]:
    """The orders that are not carried out yet, the oldest first, and what came of the latest."""
    orders = await observer.deletions.open()
    done = await observer.deletions.lately_done(caller.tenant_id)
    return {
        "deletions": [asdict(order) for order in orders if caller.sees(order.tenant_id)],
        "done": [asdict(order) for order in done],
    }
