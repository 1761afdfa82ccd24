"""The route of the models' costs."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query

from observer.domain.costs import USUAL, By, stretch_of, total
from observer.errors import PayloadRejected
from observer.records.cost_sums import sums_in
from observer.sources.native import Name
from observer.web.access import Reader
from observer.web.bodies import Current
from observer.web.refusals import REFUSALS

costs = APIRouter()


@costs.get("/costs", responses=REFUSALS)
async def get_costs(
    caller: Reader,
    observer: Current,
    since: Annotated[str, Query(max_length=40)] = "7d",
    until: Annotated[str | None, Query(max_length=40)] = None,
    tenant_id: Name | None = None,
    by: Annotated[list[By] | None, Query()] = None,
) -> dict[str, Any]:
    """What models cost, in whole nano-dollars, by tenant, feature, day and model."""
    services, tenant = observer.services, caller.tenant(tenant_id)
    zone = services.configuration.observer.budget.time_zone
    try:
        stretch = stretch_of(since, until, now_ms=round(time.time() * 1000), zone=zone)
    except ValueError as error:
        raise PayloadRejected(str(error), field="since", status=422) from None
    # On a connection of its own: no run waits for a long roll-up.
    sums = await asyncio.to_thread(
        sums_in, services.data_dir, stretch, by or USUAL, zone=zone, tenant_id=tenant
    )
    return {
        "time_zone": zone.key,
        "costs": [one.as_json() for one in sums],
        "total": total(sums).as_json(),
    }
