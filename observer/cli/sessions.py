"""Incident conversations: list them, read one, pick one up again."""

from typing import Annotated, Any

import typer

from observer.cli.environment import DEFAULT_URL, AsJson, Tenant, Url
from observer.cli.http import connect, path_to
from observer.cli.render import call, complain, emit, facts, inert, say, table, when

NAMES = ("session_id", "tenant_id", "status", "severity", "stage", "outcome")
OfTenant = Annotated[str | None, typer.Option(help="The tenant whose session it is.")]
SessionId = Annotated[str, typer.Argument(metavar="SESSION", help="A session_id.")]


def sessions(
    tenant: Tenant = None,
    status: Annotated[str | None, typer.Option(help="Only this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """List sessions, the latest first."""
    with connect(url) as observer:
        found = observer.get("/sessions", tenant_id=tenant, status=status, limit=limit).or_refuse()
    if as_json:
        emit(found)
        return
    rows = [[*pick(row, *NAMES), when(row.get("updated_at"))] for row in found["sessions"]]
    columns = ("session", "tenant", "status", "severity", "stage", "outcome", "updated")
    table("Sessions", columns, rows)
    if not rows:
        complain("No session matches.")


def session(
    session_id: SessionId,
    tenant: OfTenant = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Show one session: its events, every tool call, what waits for an answer, the report."""
    with connect(url) as observer:
        found = observer.get(path_to("sessions", session_id), tenant_id=tenant).or_refuse()
    if as_json:
        emit(found)
    else:
        show(found)


def resume(
    session_id: SessionId,
    tenant: OfTenant = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Pick up a parked or failed session where it stopped."""
    with connect(url) as observer:
        path = path_to("sessions", session_id, "resume")
        answer = observer.post(path, tenant_id=tenant).or_refuse()
    if as_json:
        emit(answer)
    else:
        say(f"Session {session_id} is picked up again.")


def show(found: dict[str, Any]) -> None:
    """One session on a page, in the order in which an on-call engineer asks."""
    facts([(name.removesuffix("_id"), found.get(name)) for name in NAMES])
    say("")
    table(
        "Events",
        ("accepted", "status", "severity", "stage", "message"),
        [
            [when(e.get("accepted_at")), *pick(e, "status", "severity", "stage", "message")]
            for e in found.get("events") or []
        ],
    )
    table(
        "Runs",
        ("started", "ended", "status", "outcome", "trace"),
        [
            [
                when(r.get("started_at")),
                when(r.get("ended_at")),
                *pick(r, "status", "outcome", "trace_id"),
            ]
            for r in found.get("runs") or []
        ],
    )
    table(
        "Tool calls",
        ("#", "at", "tool", "status", "result"),
        [
            [
                t.get("iteration"),
                when(t.get("timestamp")),
                *pick(t, "tool_name", "status", "result_summary"),
            ]
            for t in found.get("transitions") or []
        ],
    )
    show_pending(found.get("pending") or [])
    told = [run["report"] for run in found.get("runs") or [] if run.get("report")]
    for report in told or filter(None, [found.get("report")]):
        say("Report")
        typer.echo(inert(report, lines=True))


def show_pending(pending: list[dict[str, Any]], *, err: bool = False) -> None:
    """What a person is asked: each action, what it would touch, and until when."""
    table(
        "Waiting for an answer",
        ("approval", "session", "action", "why", "impact", "deadline"),
        [
            [
                item.get("id"),
                item.get("session_id"),
                call(request.get("name"), request.get("args")),
                request.get("description"),
                item.get("impact"),
                _until(item),
            ]
            for item in pending
            for request in item.get("action_requests") or [{}]
        ],
        err=err,
    )
    for item in pending:
        for line in item.get("similar") or []:
            say(f"{item.get('id')} is like: {inert(line)}", err=err)


def _until(item: dict[str, Any]) -> str:
    """When the question ends, and whether the action then needs nobody's word any more."""
    deadline = when(item.get("deadline"))
    return f"{deadline}, then by itself" if item.get("runs_at") else deadline


def pick(row: dict[str, Any], *names: str) -> list[object]:
    return [row.get(name) for name in names]
