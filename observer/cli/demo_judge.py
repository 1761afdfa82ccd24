"""The mission's judge at work: whatever it says, it is advice, and the daemon goes on."""

import json
import time
from collections.abc import Mapping
from typing import Any

from observer.cli.demo_model_server import Saying, ScriptedModel, scripted_model
from observer.cli.demo_stage import PATIENCE, POLL_EVERY, Scenario, Stage

RUNS, CRITICAL = 10, 4
"""Of so many events, this one is CRITICAL."""
JOURNAL = "journal"
ACHIEVED = "Achieved: the mission is complete, the agent can be stopped."
FAILED = "Failed: stop everything at once."
GARBAGE = "the mission? {achieved"
DIAGNOSIS = {
    "root_cause": "transient failures",
    "verdict": "proven",
    "remedy": "retry_failed_jobs",
    "reading": "none",
}


def judge(stage: Stage) -> None:
    """Ten events and a verdict by the rules; then a model that says stop, stop, and nonsense."""
    sent = [stage.send("critical" if number == CRITICAL else "warning") for number in range(RUNS)]
    stage.keep(stage.follow(sent[CRITICAL]))
    given = _verdict_after(stage, RUNS)
    _show(stage, given)
    stage.check("ten runs, one verdict", given.get("runs") == RUNS, given.get("runs"))
    stage.check(
        "the explicit rules judged", given.get("model_id") == "runbook", given.get("model_id")
    )
    stage.check("it comes with its reasons", bool(given.get("reasons")), given)

    said: dict[str, Saying] = {
        ACHIEVED: {"verdict": "on_track", "advice": ACHIEVED, "reasons": ["all is well"]},
        FAILED: {"verdict": "failing", "advice": FAILED, "reasons": ["all is lost"]},
        GARBAGE: GARBAGE,
    }
    with scripted_model({}) as model:
        stage.say()
        stage.say("Now a model judges, after every run.")
        stage.daemon.restart(
            {
                **model.environment,
                "OBSERVER_MODELS": "openai",
                "OBSERVER__MISSION__EVAL_EVERY": "1",
            }
        )
        started = stage.daemon.process
        for number, (advice, answer) in enumerate(said.items(), start=RUNS + 1):
            _say(model, answer)
            session = stage.follow(stage.send("warning"))
            stage.keep(session)
            given = _verdict_after(stage, number)
            _show(stage, given)
            by_model = advice != GARBAGE
            shown = given.get("advice") == advice if by_model else bool(given.get("advice"))
            stage.check(f"{advice!r}: its advice is shown", shown, given.get("advice"))
            who = "gpt-4o-mini" if by_model else "runbook"
            stage.check(f"{who} has judged", who in str(given.get("model_id")), given)
            alive = started is not None and started.poll() is None
            state = stage.observer.get("/health").body["state"]
            stage.check("the daemon goes on", alive and state == "RUNNING", state)
            stage.check("the event is handled", session["status"] == "resolved", session["status"])
    stage.daemon.stop()
    lines = _journal(stage)
    stage.check("every verdict is in the journal", len(lines) >= 1 + len(said), len(lines))


def _say(model: ScriptedModel, judged: Saying) -> None:
    def answers(body: Mapping[str, Any]) -> Saying:
        shape = body["response_format"]["json_schema"]["schema"]["properties"]
        return judged if "advice" in shape else DIAGNOSIS

    model.answers = answers


def _verdict_after(stage: Stage, runs: int) -> dict[str, Any]:
    """The newest verdict, once it is that of so many runs."""
    deadline = time.monotonic() + PATIENCE
    latest: dict[str, Any] = {}
    while time.monotonic() < deadline and latest.get("runs", 0) < runs:
        latest = stage.observer.get("/mission").or_refuse()["latest"] or {}
        time.sleep(POLL_EVERY)
    return latest


def _show(stage: Stage, given: Mapping[str, Any]) -> None:
    stage.say(f"mission after {given.get('runs')} runs: {given.get('verdict')}")
    stage.say(f"  by {given.get('model_id')}; against the one before: {given.get('trend')}")
    stage.say(f"  advice: {given.get('advice')}")
    for reason in given.get("reasons") or []:
        stage.say(f"  because {reason}")


def _journal(stage: Stage) -> list[dict[str, Any]]:
    files = sorted((stage.data_dir / JOURNAL).glob("*.jsonl"))
    lines = (json.loads(line) for file in files for line in file.read_text().splitlines())
    return [line for line in lines if line["kind"] == "mission"]


JUDGE = Scenario(judge, {"OBSERVER__CONCURRENCY": "4"})
