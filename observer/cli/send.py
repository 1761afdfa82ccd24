"""Post one event, as a monitoring system would: the lab's own events, or a file."""

import hashlib
import hmac
import json
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from observer.cli.environment import DEFAULT_URL, AsJson, Url, webhook_secret
from observer.cli.http import Answer, ObserverClient, connect, path_to
from observer.cli.render import complain, emit, say
from observer.errors import ConfigurationError

NATIVE = "native"

EVENTS: dict[str, dict[str, str]] = {
    "info": {
        "severity": "INFO",
        "stage": "ingestion",
        "message": "Checkpoint saved. 12,450 records processed. Throughput nominal.",
    },
    "warning": {
        "severity": "WARNING",
        "stage": "transformation",
        "message": "Error rate elevated: 3.2% (threshold: 1%) in last 5 minutes.",
    },
    "critical": {
        "severity": "CRITICAL",
        "stage": "loading",
        "message": "Stage FAILED: Connection refused to database. Pipeline halted.",
    },
    "approval": {
        "severity": "WARNING",
        "stage": "indexing",
        "message": "Queue depth excessive: 8420 items waiting (threshold: 1000).",
    },
}


def send(
    what: Annotated[
        str, typer.Argument(metavar="EVENT", help="info, warning, critical, approval or FILE.json")
    ],
    url: Url = DEFAULT_URL,
    source: Annotated[
        str, typer.Option(help="The format of FILE: native or alertmanager.")
    ] = NATIVE,
    tenant: Annotated[str | None, typer.Option(help="The event's tenant_id.")] = None,
    session: Annotated[str | None, typer.Option(help="The event's session_id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Post an event; print the HTTP status and the message."""
    if source == NATIVE:
        event = native_event(what, tenant=tenant, session=session)
        path, body, label = "/alerts", json.dumps(event).encode(), headline(event)
    else:
        if tenant or session:
            raise ConfigurationError(
                f"--tenant and --session are fields of a native event; {source} has its own."
            )
        path, body, label = path_to("alerts", source), foreign_payload(what), f"{source}: {what}"

    with connect(url) as observer:
        answer = deliver(observer, path, body, secret=webhook_secret())

    if as_json:
        data = answer.body if isinstance(answer.body, dict) else {"detail": answer.body}
        emit({"status": answer.status, **data})
    else:
        say(f"[{answer.status}] {label}")
    if not answer.accepted:
        complain(answer.refusal())
        raise typer.Exit(1)
    for event_id in duplicates(answer):
        complain(f"{event_id} was delivered before; nothing is done twice.")


def deliver(observer: ObserverClient, path: str, body: bytes, *, secret: str | None) -> Answer:
    """Post the bytes that were signed, and no others."""
    headers = {"Content-Type": "application/json"}
    if secret:
        headers["X-Webhook-Signature"] = signature(body, secret)
    return observer.post_bytes(path, body, headers)


def signature(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def native_event(
    what: str, *, tenant: str | None = None, session: str | None = None
) -> dict[str, Any]:
    """One of the lab's events or the one in a file, with an id of its own."""
    event = EVENTS[what] if what in EVENTS else json_file(what)[1]
    if not isinstance(event, dict):
        raise ConfigurationError(
            f"{what}: an event is one JSON object; for another format name it with --source."
        )
    given = {"tenant_id": tenant, "session_id": session}
    chosen = {name: value for name, value in given.items() if value is not None}
    return {"event_id": str(uuid.uuid4()), **event, **chosen}


def foreign_payload(what: str) -> bytes:
    return json.dumps(EVENTS[what]).encode() if what in EVENTS else json_file(what)[0]


def json_file(name: str) -> tuple[bytes, Any]:
    """A file's bytes and what they say, or why it can't be sent."""
    path = Path(name)
    try:
        content = path.read_bytes()
    except OSError as error:
        names = ", ".join(EVENTS)
        raise ConfigurationError(
            f"{name!r} is none of {names}, and no readable file: {error.strerror}."
        ) from None
    try:
        return content, json.loads(content, parse_constant=_not_a_number)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{name}: not JSON: {error}.") from None


def _not_a_number(literal: str) -> float:
    raise ValueError(f"{literal} is no JSON number")


def headline(event: dict[str, Any]) -> str:
    """The event as the lab prints it."""
    severity = event.get("severity") or "EVENT"
    text = event.get("message") or event.get("stage")
    return f"{severity}: {text}" if text else str(severity)


def duplicates(answer: Answer) -> list[str]:
    events = answer.body.get("events", []) if isinstance(answer.body, dict) else []
    return [str(event.get("event_id")) for event in events if event.get("duplicate")]
