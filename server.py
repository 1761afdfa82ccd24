"""The HTTP service: routes only, nothing decided here. `observer serve` runs it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal, TypeVar

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Request, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from graph.build import build_graph, serializer
from observer.daemon import Observer, open_observer
from observer.domain.hitl import Resume
from observer.domain.lifecycle import Lifecycle
from observer.errors import (
    AnswerRejected,
    ApprovalConflict,
    ApprovalExpired,
    ConfigurationError,
    InboxFull,
    NotADeadLetter,
    NothingToResume,
    ObserverError,
    ObserverUnavailable,
    PayloadRejected,
    RecordsUnavailable,
    UnknownApproval,
    UnknownDeadLetter,
    UnknownSession,
)
from observer.gateway.signatures import verify
from observer.settings import Configuration, load_configuration
from observer.sources import SOURCES, Alert
from observer.sources.native import Name
from observer.sources.strict_json import decode
from observer.web import BodyLimit, LoopbackOnly, QuietServer, bound_socket, is_loopback

RETRY_AFTER_S = "5"
STATUS_OF: dict[type[ObserverError], int] = {
    AnswerRejected: 422,
    ApprovalConflict: 409,
    ApprovalExpired: 410,
    InboxFull: 503,
    NotADeadLetter: 409,
    NothingToResume: 409,
    ObserverUnavailable: 503,
    RecordsUnavailable: 503,
    UnknownApproval: 404,
    UnknownDeadLetter: 404,
    UnknownSession: 404,
}

router = APIRouter()


class AcceptedEvent(BaseModel):
    """One event that is safely written down."""

    event_id: str
    session_id: str
    duplicate: bool


class AcceptedEvents(BaseModel):
    """The answer to a delivery."""

    events: list[AcceptedEvent]


class Problem(BaseModel):
    """What is wrong with a request, and in which field."""

    detail: str
    field: str | None = None


async def current_observer(request: Request) -> Observer:
    """The running observer."""
    return request.app.state.observer


Current = Annotated[Observer, Depends(current_observer)]


async def json_body(request: Request) -> bytes:
    """The raw body of a request that says it is JSON."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise PayloadRejected(
            "send Content-Type: application/json", field="content-type", status=415
        )
    return await request.body()


async def signed_body(request: Request, observer: Current) -> bytes:
    """The raw body, once its signature is known to be right."""
    body = await request.body()
    secrets = observer.services.configuration.webhook_secrets
    if not verify(body, request.headers, secrets):
        raise PayloadRejected(
            "the signature is missing or wrong", field="x-webhook-signature", status=401
        )
    return await json_body(request)


SignedBody = Annotated[bytes, Depends(signed_body)]
JsonBody = Annotated[bytes, Depends(json_body)]
REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem} for code in (400, 401, 404, 408, 409, 410, 413, 415, 422, 503)
}


def _body_of(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


@router.post(
    "/alerts",
    status_code=status.HTTP_202_ACCEPTED,
    responses=REFUSALS,
    openapi_extra=_body_of(Alert),
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
async def health(observer: Current) -> JSONResponse:
    """The truth about the observer."""
    well, facts = await observer.health()
    return JSONResponse(facts, status_code=200 if well else 503)


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
    openapi_extra=_body_of(Resume),
)
async def resume(
    request: Request, observer: Current, session_id: str, tenant_id: str = "default"
) -> dict[str, Any]:
    """Answer the pending approval; or, with an empty body, pick up a parked session."""
    empty = not (await request.body()).strip()
    answer = Resume() if empty else _read(Resume, await json_body(request))
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


class Order(BaseModel):
    """Whom an order is for: a tenant, or all of them."""

    model_config = ConfigDict(extra="forbid")

    tenant_id: Name | None = None


class SwitchOrder(Order):
    """Set the kill switch, or lift it."""

    on: bool = True


@router.post("/control/kill-switch", responses=REFUSALS, openapi_extra=_body_of(SwitchOrder))
async def kill_switch(body: JsonBody, observer: Current) -> dict[str, Any]:
    """No remedy starts while it is on; looking and telling people go on."""
    order = _read(SwitchOrder, body)
    switch = observer.services.kill_switch
    changed = await switch.turn(order.tenant_id, on=order.on)
    observer.services.drain.wake()
    return {"kill_switch": await switch.set_for(), "changed": changed}


@router.post("/control/{command}", responses=REFUSALS, openapi_extra=_body_of(Order))
async def control(
    command: Literal["pause", "unpause", "restart"], body: JsonBody, observer: Current
) -> dict[str, Any]:
    """Pause, go on, or start again after FAILED."""
    if _read(Order, body).tenant_id is not None:
        raise PayloadRejected("one tenant cannot be paused yet, only all", field="tenant_id")
    match command:
        case "pause":
            changed = await observer.lifecycle.to(Lifecycle.SUSPENDED, "paused by a person")
        case "unpause":
            changed = await observer.lifecycle.to(Lifecycle.RUNNING, "unpaused by a person")
        case "restart":
            changed = await observer.lifecycle.restart()
    return {"state": observer.lifecycle.state, "changed": changed}


M = TypeVar("M", bound=BaseModel)


def _read(model: type[M], body: bytes) -> M:
    """A body as its model; nothing at all stands for the defaults."""
    try:
        return model.model_validate(decode(body) if body.strip() else {})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "(body)"
        raise PayloadRejected(f"{field}: {first['msg']}", field=field) from error


async def explain(request: Request, error: Exception) -> JSONResponse:
    """Every refusal in the same shape."""
    if isinstance(error, PayloadRejected):
        return JSONResponse({"detail": str(error), "field": error.field}, error.status)
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:])
        return JSONResponse({"detail": f"{field}: {first['msg']}", "field": field}, 422)
    if isinstance(error, HTTPException):
        shown = {"detail": error.detail, "field": None}
        return JSONResponse(shown, error.status_code, error.headers)
    kind = type(error)
    code = STATUS_OF[kind] if issubclass(kind, ObserverError) and kind in STATUS_OF else 500
    headers = {"Retry-After": RETRY_AFTER_S} if code == 503 else {}
    return JSONResponse({"detail": str(error), "field": None}, code, headers)


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
            )
        )
        await server.serve(sockets=[listener])
        return 0
