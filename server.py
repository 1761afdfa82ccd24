"""The HTTP service: routes only, nothing decided here. `observer serve` runs it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

import uvicorn
from fastapi import APIRouter, FastAPI, Request, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import Field
from starlette.exceptions import HTTPException

from graph.build import build_graph, serializer
from observer.daemon import Observer, open_observer
from observer.domain.hitl import Resume
from observer.errors import ConfigurationError, ObserverError, PayloadRejected, UnknownSession
from observer.settings import Configuration, load_configuration
from observer.sources import SOURCES, Alert
from observer.sources.strict_json import decode
from observer.watch.metrics import CONTENT_TYPE
from observer.web.bodies import (
    AcceptedEvent,
    AcceptedEvents,
    Current,
    JsonBody,
    Order,
    SignedBody,
    SwitchOrder,
    body_of,
    json_body,
    read_body,
)
from observer.web.knowledge import knowledge
from observer.web.listening import QuietServer, bound_socket
from observer.web.middleware import BodyLimit, LoopbackOnly, is_local, is_loopback
from observer.web.mission import mission
from observer.web.refusals import REFUSALS, explain
from observer.web.traces import traces

router = APIRouter()


@router.post(
    "/alerts",
    status_code=status.HTTP_202_ACCEPTED,
    responses=REFUSALS,
    openapi_extra=body_of(Alert),
)
async def accept_alert(body: SignedBody, observer: Current) -> AcceptedEvents:
    """Take one native event; promise nothing but that it is safely written down."""
    return await accept_from("native", body, observer)


@router.post("/alerts/{source}", status_code=status.HTTP_202_ACCEPTED, responses=REFUSALS)
async def accept_from_source(source: str, body: SignedBody, observer: Current) -> AcceptedEvents:
    """Take one delivery of a known source."""
    return await accept_from(source, body, observer)


async def accept_from(source: str, body: bytes, observer: Observer) -> AcceptedEvents:
    """Parse, write down, answer."""
    if source not in SOURCES:
        known = ", ".join(SOURCES)
        raise PayloadRejected(f"unknown source; known: {known}", field="source", status=404)
    accepted = await observer.intake.accept(source, SOURCES[source](decode(body)), body)
    return AcceptedEvents(
        events=[
            AcceptedEvent(event_id=a.event_id, session_id=a.session_id, duplicate=a.duplicate)
            for a in accepted
        ]
    )


@router.get("/health", responses={503: {"description": "It cannot do its job"}})
async def health(request: Request, observer: Current) -> JSONResponse:
    """The truth about the observer; off this machine no more than its state."""
    well, facts = await observer.health()
    told = facts if is_local(request.client) else {"state": facts["state"]}
    return JSONResponse(told, status_code=200 if well else 503)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(observer: Current) -> Response:
    """What is known of the observer, for Prometheus."""
    return Response(await observer.watch.metrics(), media_type=CONTENT_TYPE)


@router.get("/sessions")
async def sessions(
    observer: Current,
    tenant_id: str | None = None,
    status: str | None = None,
    limit: Annotated[int, Field(ge=1, le=1000)] = 50,
) -> dict[str, Any]:
    """The newest sessions first."""
    listed = await observer.services.session_views.list(
        tenant_id=tenant_id, status=status, limit=limit
    )
    return {"sessions": listed}


@router.get("/sessions/{session_id}", responses=REFUSALS)
async def session(observer: Current, session_id: str, tenant_id: str = "default") -> dict[str, Any]:
    """One session with its events, runs, transitions and open questions."""
    services = observer.services
    found = await services.session_views.show(tenant_id, session_id)
    if found is None:
        raise UnknownSession(f"tenant '{tenant_id}' has no session '{session_id}'")
    pending = await services.approvals.pending(tenant_id=tenant_id, session_id=session_id)
    return {
        **found,
        "transitions": await services.ledger.of_session(tenant_id, session_id),
        "pending": [approval.as_json() for approval in pending],
    }


@router.post(
    "/sessions/{session_id}/resume",
    status_code=status.HTTP_202_ACCEPTED,
    responses=REFUSALS,
    openapi_extra=body_of(Resume),
)
async def resume(
    request: Request, observer: Current, session_id: str, tenant_id: str = "default"
) -> dict[str, Any]:
    """Answer the pending approval; or, with an empty body, pick up a parked session."""
    empty = not (await request.body()).strip()
    answer = Resume() if empty else read_body(Resume, await json_body(request))
    return await observer.resume(
        tenant_id,
        session_id,
        None
        if answer.decisions is None
        else [decision.model_dump(exclude_none=True) for decision in answer.decisions],
        answer.approval_id,
    )


@router.get("/approvals")
async def approvals(observer: Current, tenant_id: str | None = None) -> dict[str, Any]:
    """The open questions, oldest first."""
    pending = await observer.services.approvals.pending(tenant_id=tenant_id)
    return {"approvals": [approval.as_json() for approval in pending]}


@router.get("/approvals/{approval_id}", responses=REFUSALS)
async def approval(observer: Current, approval_id: str) -> dict[str, Any]:
    """One question, whatever became of it."""
    return (await observer.services.approvals.get(approval_id)).as_json()


@router.get("/dead-letters")
async def dead_letters(
    observer: Current,
    tenant_id: str | None = None,
    limit: Annotated[int, Field(ge=1, le=1000)] = 50,
) -> dict[str, Any]:
    """The events that were given up after their tries, the newest first."""
    listed = await observer.services.dead_letters.list(tenant_id=tenant_id, limit=limit)
    return {"dead_letters": listed}


@router.post(
    "/dead-letters/{dead_letter_id}/redeliver",
    status_code=status.HTTP_202_ACCEPTED,
    responses=REFUSALS,
)
async def redeliver(observer: Current, dead_letter_id: str) -> dict[str, Any]:
    """Try one event again that was given up."""
    return await observer.redeliver(dead_letter_id)


@router.post("/control/kill-switch", responses=REFUSALS, openapi_extra=body_of(SwitchOrder))
async def kill_switch(body: JsonBody, observer: Current) -> dict[str, Any]:
    """No remedy starts while it is on; looking and telling people go on."""
    order = read_body(SwitchOrder, body)
    switch = observer.services.kill_switch
    changed = await switch.turn(order.tenant_id, on=order.on)
    observer.services.drain.wake()
    return {**await switch.standing(), "changed": changed}


@router.post("/control/{command}", responses=REFUSALS, openapi_extra=body_of(Order))
async def control(
    command: Literal["pause", "unpause", "restart"], body: JsonBody, observer: Current
) -> dict[str, Any]:
    """Pause or go on, for a tenant or for all; or start again after FAILED."""
    tenant_id = read_body(Order, body).tenant_id
    match command:
        case "pause":
            changed = await observer.lifecycle.pause(tenant_id)
        case "unpause":
            changed = await observer.lifecycle.unpause(tenant_id)
        case "restart":
            if tenant_id is not None:
                raise PayloadRejected("only all can be restarted", field="tenant_id")
            changed = await observer.lifecycle.restart()
    return {"state": observer.lifecycle.state, "changed": changed, "held": observer.held()}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Start the observer with the service and stop it with the service."""
    async with open_observer(load_configuration(), build_graph, serializer()) as observer:
        app.state.observer = observer
        yield


def create_app(observer: Observer | None = None) -> FastAPI:
    """The application; without an observer given, its lifespan opens one."""
    app = FastAPI(
        title="pipeline-observer",
        version="0.1.0",
        lifespan=lifespan if observer is None else None,
    )
    max_body_bytes = 262144
    if observer is not None:
        app.state.observer = observer
        max_body_bytes = observer.services.configuration.observer.server.max_body_bytes
    app.include_router(router)
    app.include_router(knowledge)
    app.include_router(mission)
    app.include_router(traces)
    for kind in (ObserverError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, explain)
    app.add_middleware(LoopbackOnly)
    app.add_middleware(BodyLimit, limit=max_body_bytes)
    return app


app = create_app()


def run(host: str, port: int) -> int:
    """Serve until told to stop; returns the exit code.

    Raises:
        ConfigurationError: the configuration is not valid.
        DataDirLocked: another process owns the data directory.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("observer").setLevel(logging.INFO)
    configuration = load_configuration()
    if not is_loopback(host) and not configuration.webhook_secrets:
        raise ConfigurationError(
            f"to listen on {host}, set OBSERVER_WEBHOOK_SECRET: without a secret the observer"
            " listens on loopback only"
        )
    # Before anything is started: work must not begin in a process that nobody can reach.
    with bound_socket(host, port) as listener:
        return asyncio.run(_serve(configuration, listener))


async def _serve(configuration: Configuration, listener: socket.socket) -> int:
    async with open_observer(configuration, build_graph, serializer()) as observer:
        server = QuietServer(
            uvicorn.Config(
                create_app(observer),
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=5,
                # httptools, where it is installed, takes headers without limit.
                http="h11",
            ),
            ready=observer.watch.systemd.ready,
        )
        await server.serve(sockets=[listener])
        return 0
