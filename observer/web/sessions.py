"""The routes of sessions: list them, read one, follow one, answer what it asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, status
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field

from observer.domain.access import Power
from observer.domain.event import thread_id
from observer.domain.hitl import Resume
from observer.errors import UnknownSession
from observer.records.followers import Follower
from observer.web.access import Answerer, Reader
from observer.web.bodies import Current, body_of, json_body, read_body
from observer.web.refusals import REFUSALS

sessions = APIRouter()

LOOK_AGAIN_S = 1.0
"""A hold changes a session's status without a line in its journal."""
_DEFAULT = "default"
_CHAIN = {"prev_hash", "key_id"}


@sessions.get("/sessions")
async def list_sessions(
    caller: Reader,
    observer: Current,
    tenant_id: str | None = None,
    status: str | None = None,
    limit: Annotated[int, Field(ge=1, le=1000)] = 50,
) -> dict[str, Any]:
    """The newest sessions first."""
    listed = await observer.services.session_views.list(
        tenant_id=caller.tenant(tenant_id), status=status, limit=limit
    )
    return {"sessions": listed}


@sessions.get("/sessions/{session_id}", responses=REFUSALS)
async def session(
    caller: Reader, observer: Current, session_id: str, tenant_id: str | None = None
) -> dict[str, Any]:
    """One session with its events, runs, transitions and open questions."""
    services = observer.services
    tenant = caller.tenant(tenant_id) or _DEFAULT
    found = await services.session_views.show(tenant, session_id)
    if found is None:
        raise unknown(tenant, session_id)
    pending = await services.approvals.pending(tenant_id=tenant, session_id=session_id)
    return {
        **found,
        "transitions": await services.ledger.of_session(tenant, session_id),
        "pending": [approval.as_json() for approval in pending],
    }


@sessions.get("/sessions/{session_id}/history", responses=REFUSALS)
async def history(
    caller: Reader,
    observer: Current,
    session_id: str,
    tenant_id: str | None = None,
    limit: Annotated[int, Field(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """The checkpoints of its runs, the newest first: after which step, what came next, and why.

    Some time after a session ended, only the last one is kept.
    """
    services = observer.services
    tenant = caller.tenant(tenant_id) or _DEFAULT
    if await services.session_views.standing(tenant, session_id) is None:
        raise unknown(tenant, session_id)
    thread: Any = {"configurable": {"thread_id": thread_id(tenant, session_id)}}
    checkpoints = [
        {
            "checkpoint_id": snapshot.config.get("configurable", {}).get("checkpoint_id"),
            "step": (snapshot.metadata or {}).get("step"),
            "next": list(snapshot.next),
            "created_at": snapshot.created_at,
            "because": services.redactor.text(snapshot.values.get("because") or ""),
        }
        async for snapshot in observer.graph.aget_state_history(thread, limit=limit)
    ]
    return {"session_id": session_id, "tenant_id": tenant, "checkpoints": checkpoints}


class Followed:
    """A session that somebody follows."""

    def __init__(
        self,
        tenant_id: str,
        session_id: str,
        follower: Follower,
        may: Callable[[], bool] = lambda: True,
    ) -> None:
        self.tenant_id = tenant_id
        self.session_id = session_id
        self.follower = follower
        self.may = may
        """Whether who follows would still be let in."""


async def followed(
    caller: Reader, observer: Current, session_id: str, tenant_id: str | None = None
) -> AsyncIterator[Followed]:
    """Follow it before it is first read, so that nothing is missed in between.

    Raises:
        UnknownSession: there is no such session.
        TooManyFollowers: too many do already.
    """
    tenant = caller.tenant(tenant_id) or _DEFAULT
    if await observer.services.session_views.standing(tenant, session_id) is None:
        raise unknown(tenant, session_id)
    with observer.services.drain.followers.follow(tenant, session_id) as follower:
        tokens = observer.services.tokens
        yield Followed(tenant, session_id, follower, lambda: tokens.still(caller))


@sessions.get(
    "/sessions/{session_id}/stream", responses=REFUSALS, response_class=EventSourceResponse
)
async def stream(
    observer: Current, of: Annotated[Followed, Depends(followed)]
) -> AsyncIterator[ServerSentEvent]:
    """Follow one session as it happens, until it has ended: server-sent events.

    `session` says how it stands, at once and at every change; `journal` is each line of it that is
    written from now on; `end` comes last. `lost` ends it for a reader who fell behind, `gone` for
    one whose token expired or was revoked. A comment every 15 s says that the line is open.
    """
    said: dict[str, Any] | None = None
    while True:
        standing = await observer.services.session_views.standing(of.tenant_id, of.session_id)
        if not of.may():
            why = "the token expired or was revoked"
            yield ServerSentEvent(event="gone", data={"detail": why})
            return
        for line in of.follower.take():
            told = {name: value for name, value in line.items() if name not in _CHAIN}
            yield ServerSentEvent(event="journal", id=str(line["seq"]), data=told)
        if standing is None:
            return
        unwritten = standing.pop("unwritten")
        if standing != said:
            yield ServerSentEvent(event="session", data=standing)
            said = standing
        if unwritten:
            observer.services.drain.wake()
        elif standing["ended"]:
            yield ServerSentEvent(event="end", data={"status": standing["status"]})
            return
        if of.follower.lost:
            why = "you fell behind; GET the session and follow it again"
            yield ServerSentEvent(event="lost", data={"detail": why})
            return
        if of.follower.over:
            return
        await of.follower.wait(LOOK_AGAIN_S)


@sessions.post(
    "/sessions/{session_id}/resume",
    status_code=status.HTTP_202_ACCEPTED,
    responses=REFUSALS,
    openapi_extra=body_of(Resume),
)
async def resume(
    request: Request,
    caller: Answerer,
    observer: Current,
    session_id: str,
    tenant_id: str | None = None,
) -> dict[str, Any]:
    """Answer the pending approval; or, with an empty body, pick up a parked session."""
    empty = not (await request.body()).strip()
    answer = Resume() if empty else read_body(Resume, await json_body(request))
    caller.need(Power.OPERATE if answer.decisions is None else Power.APPROVE)
    taken = await observer.resume(
        caller.tenant(tenant_id) or _DEFAULT,
        session_id,
        None
        if answer.decisions is None
        else [decision.model_dump(exclude_none=True) for decision in answer.decisions],
        answer.approval_id,
        by=caller.name,
    )
    observer.services.drain.wake()
    return taken


def unknown(tenant_id: str, session_id: str) -> UnknownSession:
    """What to say of a session that is not this tenant's."""
    return UnknownSession(f"tenant '{tenant_id}' has no session '{session_id}'")
