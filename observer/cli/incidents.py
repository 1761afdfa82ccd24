"""Finished incidents, found again by their words."""

from typing import Annotated

import typer

from observer.cli.environment import DEFAULT_URL, AsJson, Tenant, Url
from observer.cli.http import connect
from observer.cli.render import complain, emit, table, when
from observer.cli.sessions import pick

incidents = typer.Typer(help="What happened before, and what fixed it.", no_args_is_help=True)


@incidents.callback()
def past() -> None:
    """What happened before, and what fixed it."""


@incidents.command()
def search(
    text: Annotated[str, typer.Argument(help="Words of an alert, a cause or a remedy.")],
    node: Annotated[str | None, typer.Option(help="Only this node.")] = None,
    tenant: Tenant = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Find past incidents by some of their words, the best first; exit 1 where there is none."""
    with connect(url) as observer:
        found = observer.get(
            "/incidents", search=text, node=node, tenant_id=tenant, limit=limit
        ).or_refuse()
    if as_json:
        emit(found)
    rows = [
        [
            when(past["ended_at"]),
            *pick(past, "node", "severity", "outcome", "message", "cause", "remedy"),
            f"{past['held']} of {past['tried']}" if past["remedy"] else "",
            past["session_id"],
        ]
        for past in found["incidents"]
    ]
    columns = (
        "ended",
        "node",
        "severity",
        "status",
        "message",
        "cause",
        "remedy",
        "held",
        "session",
    )
    if not as_json:
        table("Past incidents", columns, rows)
    if not rows:
        complain("No past incident has these words.")
        raise typer.Exit(1)
