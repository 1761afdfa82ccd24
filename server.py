"""The HTTP service: routes only, nothing decided here. `observer serve` runs it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import APIRouter, FastAPI, Request, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from graph.build import build_graph, serializer
from observer.daemon import Observer, open_observer
from observer.errors import ConfigurationError, ObserverError, PayloadRejected
from observer.settings import Configuration, load_configuration
from observer.sources import SOURCES, Alert
from observer.sources.strict_json import decode
from observer.watch.metrics import CONTENT_TYPE
from observer.web.access import Gate, ReaderOfAll, caller_of, refuse_unguarded
from observer.web.bodies import AcceptedEvent, AcceptedEvents, Current, SignedBody, body_of
from observer.web.control import control
from observer.web.costs import costs
from observer.web.data import data
from observer.web.feedback import feedback
from observer.web.knowledge import knowledge
from observer.web.listening import QuietServer, bound_socket
from observer.web.middleware import BodyLimit, is_loopback
from observer.web.mission import mission
from observer.web.refusals import REFUSALS, explain
from observer.web.sessions import sessions
from observer.web.tokens import tokens
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
    """The truth about the observer; to who may not read it all, no more than its state."""
    well, facts = await observer.health()
    caller = caller_of(request)
    told = facts if caller is not None and caller.sees(None) else {"state": facts["state"]}
    return JSONResponse(told, status_code=200 if well else 503)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(caller: ReaderOfAll, observer: Current) -> Response:
    """What is known of the observer, for Prometheus."""
    return Response(await observer.watch.metrics(), media_type=CONTENT_TYPE)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Start the observer with the service and stop it with the service."""
    async with open_observer(load_configuration(), build_graph, serializer()) as observer:
        app.state.observer = observer
        yield


ROUTES = (router, sessions, feedback, control, costs, data, knowledge, mission, tokens, traces)


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
    for routes in ROUTES:
        app.include_router(routes)
    refuse_unguarded(app)
    for kind in (ObserverError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, explain)
    app.add_middleware(Gate)
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
                log_config=None,  # what it prints goes where ours does, and is cleaned there
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=5,
                # httptools, where it is installed, takes headers without limit.
                http="h11",
            ),
            ready=observer.watch.systemd.ready,
            leaving=observer.services.drain.followers.close,
        )
        await server.serve(sockets=[listener])
        return 0
