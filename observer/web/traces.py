"""The route of one trace: what `observer trace --json` says."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter

from observer.domain.trace_record import session_record
from observer.records.trace_records import trace_of
from observer.web.access import Reader
from observer.web.bodies import Current
from observer.web.refusals import REFUSALS

traces = APIRouter()


@traces.get("/traces/{trace_or_session}", responses=REFUSALS)
async def get_trace(
    observer: Current, caller: Reader, trace_or_session: str, tenant_id: str | None = None
) -> dict[str, Any]:
    """The runs of a session, or the one of a trace's id or unique beginning, with their spans."""
    now_ms, tenant = time.time() * 1000, caller.tenant(tenant_id)
    found = await observer.services.database.read(
        lambda c: trace_of(c, trace_or_session, tenant=tenant, now_ms=now_ms)
    )
    return session_record(found.session_id, found.tenant_id, found.runs)
