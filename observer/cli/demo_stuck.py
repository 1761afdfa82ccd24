"""The scenario `stuck`: a model asks for the same reading for ever, and what ends that."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from observer.cli.demo_model_server import Saying, scripted_model
from observer.cli.demo_stage import ENDED, POLL_EVERY, Scenario, Stage

FROZEN, FREE = "acme", "globex"
WAITS = "suspended"
READING = "check_pipeline_health"
MAZE = "Worker 7 makes no sense."
CLEAR = "Worker 7 hangs."
TIMES = 3
"""`health.stuck_threshold` of the shipped configuration."""
PAGED_WITHIN = 20.0


def says(body: Mapping[str, Any]) -> Saying:
    """Of an event that says it makes no sense the model wants to read the same again."""
    lost = any(MAZE in str(message["content"]) for message in body["messages"])
    return {
        "root_cause": "unclear" if lost else "the worker hangs",
        "verdict": "not_proven" if lost else "proven",
        "remedy": "none" if lost else "restart_stage",
        "reading": "overall_health" if lost else "none",
    }


@contextmanager
def setting(data_dir: Path, config: Path) -> Iterator[Mapping[str, str]]:
    """The model that never has enough, and an error that no known error explains."""
    lab = data_dir / "pipeline"
    lab.mkdir(exist_ok=True)
    faults = {"errors": {"transformation": ["Worker 7 lost its lease on shard 12"]}}
    (lab / "faults.json").write_text(json.dumps(faults))
    with scripted_model(says) as model:
        yield {**model.environment, "OBSERVER_MODELS": "openai"}


def stuck(stage: Stage) -> None:
    """One run that goes in circles, a second one, a frozen tenant, and the others."""
    stage.say("The model is scripted: OpenAI's protocol on loopback.")
    _goes_in_circles(stage, "the detector ends the run")
    stage.check("one such run freezes nobody", _held(stage) == [], _held(stage))
    _goes_in_circles(stage, "the detector ends the second run")
    page = _page(stage)
    stage.check("on-call is paged: what happened, and what to do", page is not None, page)
    stage.check("the tenant is frozen, and only it", _held(stage) == [FROZEN], _held(stage))

    waiting = stage.send("warning", tenant_id=FROZEN, message=CLEAR)
    held = stage.follow(waiting, {WAITS}, tenant=FROZEN)
    stage.check("its next WARNING waits", held["status"] == WAITS, held["status"])
    other = stage.send("warning", tenant_id=FREE, message=CLEAR)
    free = stage.follow(other, tenant=FREE)
    stage.check("another tenant's is resolved", free["status"] == "resolved", free["status"])

    stage.say()
    stage.say(f"$ observer unpause --tenant {FROZEN}")
    stage.observer.post("/control/unpause", {"tenant_id": FROZEN}).or_refuse()
    session = stage.follow(waiting, ENDED - {WAITS}, tenant=FROZEN)
    stage.keep(session)
    stage.check("what waited is resolved", session["status"] == "resolved", session["status"])
    stage.check("nobody is held any more", _held(stage) == [], _held(stage))
    pages = len(_pages(stage))
    stage.check("and on-call was paged once in all", pages == 1, pages)


def _goes_in_circles(stage: Stage, claim: str) -> None:
    session = stage.follow(stage.send("warning", tenant_id=FROZEN, message=MAZE), tenant=FROZEN)
    stage.keep(session)
    read = sum(row["tool_name"] == READING for row in session["transitions"])
    stage.say()
    stage.check(f"{claim} after {TIMES} of the same reading", read == TIMES, read)
    told = {row["tool_name"] for row in session["transitions"] if row["status"] == "done"}
    stage.check(
        "a person has it, with the reason",
        session["status"] == "escalated"
        and "create_incident" in told
        and "stuck:" in str(session["report"]),
        (session["status"], sorted(told)),
    )


def _held(stage: Stage) -> list[str]:
    return [hold["tenant_id"] for hold in stage.observer.get("/health").or_refuse()["held"]]


def _pages(stage: Stage) -> list[str]:
    alerts = stage.world("alerts") or []
    return [alert["message"] for alert in alerts if alert["type"] == "pagerduty"]


def _page(stage: Stage) -> str | None:
    """The alarm is an event like any other: it takes its turn."""
    deadline = time.monotonic() + PAGED_WITHIN
    while time.monotonic() < deadline:
        for message in _pages(stage):
            if f"observer unpause --tenant {FROZEN}" in message:
                stage.say(f"  page: {message}")
                return message
        time.sleep(POLL_EVERY)
    return None


STUCK = Scenario(stuck, setting=setting)
