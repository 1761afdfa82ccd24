"""How the daemon itself is: the truth of `/health`, for a person."""

from typing import Any

import typer

from observer.cli.control import switched_off
from observer.cli.environment import DEFAULT_URL, AsJson, Url
from observer.cli.http import Unanswered, connect
from observer.cli.render import complain, emit, facts

SICK = 503


def status(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Show state, queue, MCP servers, models and disk; exit 1 when it can't do its job."""
    with connect(url) as observer:
        answer = observer.get("/health")
    # A 503 carries the same body: what is wrong is the answer, not an error.
    health = answer.or_refuse() if answer.status != SICK else answer.body
    if not isinstance(health, dict):
        raise Unanswered(f"[{answer.status}] {answer.refusal()}")
    if as_json:
        emit(health)
    else:
        facts(findings(health))
    if answer.status == SICK:
        complain("; ".join(health.get("reasons") or []) or "The observer can't do its job.")
        raise typer.Exit(1)


def findings(health: dict[str, Any]) -> list[tuple[str, object]]:
    """Every line of the page. What the daemon did not say is left out, never guessed."""
    inbox, models, disk = (health.get(part) or {} for part in ("inbox", "models", "disk"))
    age = health.get("oldest_event_age_s")
    holds = health.get("held") or []
    anomalies = health.get("anomalies") or []
    servers = (health.get("mcp_servers") or {}).items()
    return [
        ("state", health.get("state")),
        ("queued", inbox.get("queued")),
        ("running", inbox.get("running")),
        ("waiting because held", inbox.get("held") or None),
        ("oldest waiting event", None if age is None else f"{age:.0f} s"),
        *((f"tools: {name}", server_line(server)) for name, server in servers),
        ("models", models.get("profile")),
        ("last model error", models.get("last_error")),
        ("free disk", gibibytes(disk.get("free_bytes"))),
        *((f"held: {h['tenant_id']}", f"{h['cause']}: {h['reason']}") for h in holds),
        *((f"{a['anomaly']}: {a['tenant_id']}/{a['session_id']}", a["seen"]) for a in anomalies),
        ("kill switch on for", switched_off(health) or None),
        ("consecutive failures", health.get("consecutive_failures")),
    ]


def server_line(server: dict[str, Any]) -> str:
    return f"{server.get('state')}, {server.get('restarts', 0)} restarts"


def gibibytes(count: int | None) -> str | None:
    return None if count is None else f"{count / 2**30:.1f} GiB"
