"""The route of one trace: what `observer trace --json` says."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from fastapi import APIRouter

from observer.domain.trace_record import session_record
from observer.records.read_only import reading
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
    tenant, data_dir = caller.tenant(tenant_id), observer.services.data_dir

    def read() -> dict[str, Any]:
        with reading(data_dir) as connection:
            found = trace_of(connection, trace_or_session, tenant=tenant, now_ms=time.time() * 1000)
        return session_record(found.session_id, found.tenant_id, found.runs)

    # On a connection of its own: no run waits for a long session's spans.
    return await asyncio.to_thread(read)
