"""How the daemon itself is: the truth of `/health`, for a person."""

import time
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
        if set(health) == {"state"}:
            complain("More is told to a token for all tenants: OBSERVER_TOKEN takes it.")
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
        *(
            (f"models: {name}", provider_line(provider))
            for name, provider in (models.get("providers") or {}).items()
        ),
        ("last model error", models.get("last_error")),
        ("free disk", gibibytes(disk.get("free_bytes"))),
        *budget_lines(health.get("budget") or {}),
        *((f"held: {h['tenant_id']}", f"{h['cause']}: {h['reason']}") for h in holds),
        *((f"{a['anomaly']}: {a['tenant_id']}/{a['session_id']}", a["seen"]) for a in anomalies),
        *(
            (f"{kind}: {trigger['name']}", trigger_line(trigger))
            for kind, triggers in (health.get("triggers") or {}).items()
            for trigger in triggers
        ),
        ("kill switch on for", switched_off(health) or None),
        *mission_lines(health.get("mission") or {}),
        ("consecutive failures", health.get("consecutive_failures")),
        ("dead letters", health.get("dead_letters")),
        ("heartbeat", seconds_ago((health.get("heartbeat") or {}).get("age_s"))),
        ("alarms waiting", alarms_line(health.get("alarms") or {})),
        ("dead man's switch", switch_line(health.get("dead_man"))),
    ]


def provider_line(provider: dict[str, Any]) -> str:
    error = provider.get("last_error")
    return f"{provider.get('state')}: {error}" if error else str(provider.get("state"))


def budget_lines(budget: dict[str, Any]) -> list[tuple[str, str]]:
    """What is left of the day, for all and for each tenant that used something."""
    return [
        (f"left today: {'all' if whom == '*' else whom}", left_of(used))
        for whom, used in (budget.get("used") or {}).items()
    ]


def left_of(used: dict[str, dict[str, float]]) -> str:
    calls, cost, final = (used[meter] for meter in ("tool_calls", "cost_usd", "irreversible"))
    return (
        f"{left(calls):.0f} of {calls['limit']:.0f} tool calls,"
        f" ${left(cost):.2f} of ${cost['limit']:.2f} for models,"
        f" {left(final):.0f} of {final['limit']:.0f} irreversible actions"
    )


def left(meter: dict[str, float]) -> float:
    return max(0.0, meter["limit"] - meter["used"])


def mission_lines(mission: dict[str, Any]) -> list[tuple[str, object]]:
    """The newest verdict; it is advice, so it never changes the exit code."""
    if not mission:
        return []
    percent = mission.get("uptime_percent")
    trend = f", {mission['trend']}" if mission.get("trend") else ""
    return [
        ("mission", f"{mission.get('verdict')}{trend} ({mission.get('model_id')})"),
        ("uptime", None if percent is None else f"{percent:.4f} %"),
        ("advice", mission.get("advice")),
    ]


def server_line(server: dict[str, Any]) -> str:
    return f"{server.get('state')}, {server.get('restarts', 0)} restarts"


def seconds_ago(age: float | None) -> str | None:
    return None if age is None else f"{age:.0f} s ago"


def alarms_line(alarms: dict[str, Any]) -> str | None:
    waiting, error = alarms.get("waiting"), alarms.get("error")
    return f"{waiting} ({error})" if error else waiting


def switch_line(switch: dict[str, Any] | None) -> str | None:
    """When it was last reached, and why not since."""
    if switch is None:
        return None
    last, error = switch.get("last_ok"), switch.get("error")
    reached = "never reached" if last is None else f"reached {seconds_ago(time.time() - last)}"
    return f"{reached} ({error})" if error else reached


def trigger_line(trigger: dict[str, Any]) -> str:
    said = [f"last fired {trigger.get('last_fired') or 'not yet'}"]
    if trigger.get("next_tick"):
        said.append(f"next {trigger['next_tick']}")
    if trigger.get("last_error"):
        said.append(str(trigger["last_error"]))
    return ", ".join(said)


def gibibytes(count: int | None) -> str | None:
    return None if count is None else f"{count / 2**30:.1f} GiB"
