"""What `observer demo` can show. A new scenario is a function and one line in `SCENARIOS`."""

from observer.cli.demo_budget import BUDGET
from observer.cli.demo_judge import JUDGE
from observer.cli.demo_model_outage import model_outage
from observer.cli.demo_stage import ENDED, Scenario, Stage
from observer.cli.demo_stuck import STUCK
from observer.cli.demo_tool_death import TOOL_DEATH
from observer.cli.http import path_to
from observer.cli.sessions import show_pending

STAGES = ("ingestion", "transformation", "validation", "loading", "indexing")
WAITING = "waiting_approval"


def lab(stage: Stage) -> None:
    """The lab's three events, one after the other, and everything the lab says about them."""
    calls: dict[str, int] = {}
    ends: dict[str, str] = {}
    for name in ("info", "warning", "critical"):
        session = stage.follow(stage.send(name))
        stage.keep(session)
        calls[name] = len(session["transitions"])
        ends[name] = session["status"]

    stage.show_world("pipeline_state", "incidents", "alerts")
    stage.say()
    stages = (stage.world("pipeline_state") or {}).get("stages", {})
    healthy = [name for name in STAGES if stages.get(name) == "healthy"]
    stage.check("all five stages are healthy", len(healthy) == len(STAGES), stages)

    severities = [incident.get("severity") for incident in stage.world("incidents") or []]
    stage.check(
        "exactly two incidents: WARNING, then CRITICAL",
        severities == ["WARNING", "CRITICAL"],
        severities,
    )
    alerts = [
        (alert.get("type"), alert.get("channel") or alert.get("service"))
        for alert in stage.world("alerts") or []
    ]
    stage.check(
        "exactly three alerts: slack #data-pipeline, pagerduty data-platform, slack #incidents",
        alerts
        == [("slack", "#data-pipeline"), ("pagerduty", "data-platform"), ("slack", "#incidents")],
        alerts,
    )
    stage.check("INFO is acknowledged", ends["info"] == "acknowledged", ends["info"])
    stage.check("INFO takes no tool call", calls["info"] == 0, calls["info"])
    stage.check("WARNING takes 4 to 6 tool calls", 4 <= calls["warning"] <= 6, calls["warning"])
    stage.check("CRITICAL takes 5 to 7 tool calls", 5 <= calls["critical"] <= 7, calls["critical"])


def approval(stage: Stage) -> None:
    """A remedy that needs a person: the observer asks, waits, and acts once on the answer."""
    session_id = stage.send("approval")
    waiting = stage.follow(session_id, {WAITING, *ENDED})
    stage.check("the observer asks before it clears a queue", waiting["status"] == WAITING)
    if waiting["status"] != WAITING:
        return
    early = _cleared(waiting["transitions"])
    stage.check("nothing is cleared before the answer", early == 0, early)

    asked = waiting["pending"][0]
    show_pending([{"session_id": session_id, **asked}], err=stage.quiet)
    stage.say(f"$ observer approve {asked['id']}")
    stage.observer.post(
        path_to("sessions", session_id, "resume"),
        {
            "approval_id": asked["id"],
            "decisions": [{"type": "approve"} for _ in asked["action_requests"]],
        },
    ).or_refuse()

    session = stage.follow(session_id)
    stage.keep(session)
    stage.say()
    stage.check("the session is resolved", session["status"] == "resolved", session["status"])
    cleared = _cleared(session["transitions"])
    stage.check("clear_queue was done exactly once", cleared == 1, cleared)


def _cleared(transitions: list[dict[str, str]]) -> int:
    rows = (row for row in transitions if row["tool_name"] == "clear_queue")
    return sum(row["status"] == "done" for row in rows)


SCENARIOS: dict[str, Scenario] = {
    "lab": Scenario(lab),
    "approval": Scenario(approval),
    "budget": BUDGET,
    "judge": JUDGE,
    "tool-death": TOOL_DEATH,
    "stuck": STUCK,
    "model-outage": model_outage(),
}
