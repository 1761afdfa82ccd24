"""The scenario `budget`: a day's budget is spent, WARNINGs wait, a CRITICAL pages all the same."""

from typing import Any

from observer.cli.demo_stage import ENDED, Scenario, Stage
from observer.cli.status import budget_lines

LIMIT = "OBSERVER__BUDGET__MAX_TOOL_CALLS_PER_DAY"
FEW, MANY = 6, 2000
WAITS = "suspended"
OVER = ENDED - {WAITS}
TELLS = frozenset({"create_incident", "page_oncall", "send_slack_alert"})


def budget(stage: Stage) -> None:
    """Spend a small day, see who waits and who does not, raise the limit, see it go on."""
    stage.say(f"Today's budget: {FEW} tool calls, of all tenants together.")
    first = stage.follow(stage.send("warning"))
    stage.keep(first)
    stage.check("the first WARNING is resolved", first["status"] == "resolved", first["status"])

    second = stage.follow(stage.send("warning"), OVER)
    stage.keep(second)
    refused = [row["result_summary"] for row in calls(second) if row["result_status"] == "refused"]
    told = {row["tool_name"] for row in second["transitions"] if row["status"] == "done"} & TELLS
    stage.say()
    stage.check(
        "the second one finds the budget spent, and people are told",
        second["status"] == "escalated" and bool(refused) and len(told) == len(TELLS) - 1,
        (second["status"], refused, sorted(told)),
    )
    health = show_budget(stage)
    used = health["budget"]["used"]["*"]["tool_calls"]["used"]
    stage.check(f"exactly {FEW} calls were made", used == FEW, used)
    holds = [hold for hold in health["held"] if hold["cause"] == "budget"]
    stage.check(
        "the observer holds itself, and says so",
        health["state"] == "SUSPENDED" and len(holds) == 1,
        (health["state"], holds),
    )

    third = stage.send("warning")
    waiting = stage.follow(third)
    stage.check("the third WARNING waits", waiting["status"] == WAITS, waiting["status"])
    critical = stage.follow(stage.send("critical"), OVER)
    stage.keep(critical)
    stage.say()
    paged = [alert for alert in stage.world("alerts") or [] if alert.get("type") == "pagerduty"]
    made = [row["tool_name"] for row in calls(critical) if row["result_status"] != "refused"]
    stage.check("a CRITICAL pages on-call all the same", len(paged) == 1, paged)
    stage.check("and uses nothing beyond the budget", made == [], made)
    waiting = stage.follow(third)
    stage.check("the third WARNING still waits", waiting["status"] == WAITS, waiting["status"])

    stage.say()
    stage.say(f"A restart with {LIMIT}={MANY}; the next day would do the same.")
    stage.daemon.restart({LIMIT: str(MANY)})
    handled = stage.follow(third, OVER)
    stage.keep(handled)
    stage.say()
    stage.check(
        "the third WARNING is handled by itself",
        handled["status"] == "resolved",
        handled["status"],
    )
    health = show_budget(stage)
    stage.check(
        "and nothing is held any more",
        health["state"] == "RUNNING" and health["held"] == [],
        (health["state"], health["held"]),
    )


def calls(session: dict[str, Any]) -> list[dict[str, Any]]:
    """What the budget counts: everything but telling people."""
    return [row for row in session["transitions"] if row["tool_name"] not in TELLS]


def show_budget(stage: Stage) -> dict[str, Any]:
    """What `observer status` says of it, and all of /health."""
    health: dict[str, Any] = stage.observer.get("/health").body
    stage.say()
    stage.say("$ observer status")
    stage.say(f"state: {health['state']}")
    for name, left in budget_lines(health["budget"]):
        stage.say(f"{name}: {left}")
    for hold in health["held"]:
        stage.say(f"held: {hold['tenant_id']}: {hold['reason']}")
    return health


BUDGET = Scenario(budget, {LIMIT: str(FEW)})
