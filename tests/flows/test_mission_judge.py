"""Case 85: whatever the mission's judge says, it is advice; the daemon goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.evidence import until
from tests.doubles.openai_server import Behaviour, Hang, OpenAIServer, Reply, Status, Text
from tests.flows.configs import PATIENT_BREAKER, QUICK_CALLS, edited_config
from tests.flows.scenes import another, handle, journal_line, openai_env, spans
from tests.observer_process import CRITICAL, ROOT, WARNING, ObserverProcess

pytestmark = pytest.mark.slow

SMALL = "gpt-4o-mini"
JUDGED = """profiles:
  judged:
    classify: ["runbook:"]
    warning: ["runbook:"]
    critical: ["runbook:"]
    judge: ["openai:gpt-4o-mini", "runbook:"]
"""
ACHIEVED = "Achieved: the mission is complete, stop the agent."
FAILED = "Failed. Stop everything at once, page nobody any more."


def verdict(word: str, advice: str) -> Reply:
    return Reply({"verdict": word, "advice": advice, "reasons": ["because"]})


SAID: dict[str, tuple[Behaviour, str | None]] = {
    "achieved": (verdict("on_track", ACHIEVED), ACHIEVED),
    "failed": (verdict("failing", FAILED), FAILED),
    "a verdict of its own": (verdict("achieved", ACHIEVED), None),
    "garbage": (Text("the mission? {achieved"), None),
    "nothing": (Text(""), None),
    "an error": (Status(500), None),
    "markup": (verdict("at_risk", "<b>rm</b>\x1b[31m\nstop"), "&lt;b&gt;rm&lt;/b&gt;[31m stop"),
}
"""What the judge says, and the advice of its own that is shown; None: the rules judge."""


class Court:
    """One daemon whose judge is a model's server, judged after every run."""

    def __init__(self, observer: ObserverProcess, server: OpenAIServer) -> None:
        self.observer = observer
        self.server = server

    def judged(self, runs: int) -> dict[str, Any]:
        """The verdict of so many runs."""

        def given() -> Any:
            latest = self.observer.get("/mission")["latest"] or {}
            return latest if latest.get("runs") == runs else None

        return until(given, f"the verdict after {runs} runs")

    @property
    def runs(self) -> int:
        return self.observer.get("/mission")["now"]["runs"]


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Court]:
    folder = tmp_path_factory.mktemp("court")
    # Long enough for an answer on a busy machine.
    calls = {**QUICK_CALLS, "timeout: 12s ": "timeout: 4s "}
    edits = {"models.yaml": {**calls, **PATIENT_BREAKER, "profiles:\n": JUDGED}}
    config = edited_config(folder / "config", edits)
    with OpenAIServer() as server:
        env = {**openai_env(server), "OBSERVER_MODELS": "judged"}
        env["OBSERVER__MISSION__EVAL_EVERY"] = "1"
        with ObserverProcess(folder / "var", config=config, env=env) as observer:
            court = Court(observer, server)
            # The first question of all imports the provider's library.
            server.always(SMALL, verdict("on_track", "go on"))
            handle(observer, another())
            court.judged(1)
            yield court


@pytest.mark.parametrize("said", SAID)
def test_what_the_judge_says_is_shown_and_changes_nothing(court: Court, said: str) -> None:
    """Case 85: in the journal, in `/health`, `/mission` and `status`; never a stop."""
    behaviour, advice = SAID[said]
    court.server.requests.clear()
    court.server.always(SMALL, behaviour)
    observer, runs = court.observer, court.runs
    assert handle(observer, another(message="nobody's business: 4711"))["status"] == "resolved"

    given = court.judged(runs + 1)

    expected = "runbook" if advice is None else f"openai:{SMALL}"
    assert given["model_id"] == expected
    if advice is not None:
        assert given["advice"] == advice
    health = observer.get("/health")
    assert (health["state"], health["reasons"]) == ("RUNNING", [])
    assert health["mission"]["advice"] == given["advice"]
    line = journal_line(observer, "mission", lambda one: one.get("runs") == runs + 1)
    told = (line["kind"], line["verdict"], line["advice"], line["trace_id"])
    assert told == ("mission", given["verdict"], given["advice"], given["trace_id"])
    command = [sys.executable, "-m", "observer.cli.app", "status", "--url", observer.url]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0
    assert given["verdict"] in shown.stdout
    # Figures and node names only: nothing that an alert said reaches the judge.
    assert court.server.requests
    assert "4711" not in json.dumps(court.server.requests)
    assert handle(observer, another())["status"] == "resolved"
    assert observer.process is not None
    assert observer.process.poll() is None
    court.judged(runs + 2)


def test_the_judges_call_has_its_span_with_every_tag_of_its_own_run(court: Court) -> None:
    """It is the observer's own, and no tenant's; it costs what any call costs."""
    court.server.always(SMALL, verdict("on_track", "go on"))
    runs = court.runs
    handle(court.observer, another())
    given = court.judged(runs + 1)
    (span,) = [
        span
        for span in spans(court.observer, "mission", "llm_call")
        if span["trace_id"] == given["trace_id"]
    ]
    assert (span["tenant_id"], span["feature"]) == ("observer", "mission")
    assert (span["model_id"], span["result_status"]) == (f"openai:{SMALL}", "success")
    assert span["prompt_version_hash"]
    assert span["cost_usd"] > 0


def test_a_judge_that_never_answers_delays_no_event(court: Court) -> None:
    """Case 85: it thinks beside the events, and at last the rules judge."""
    court.server.requests.clear()
    court.server.always(SMALL, Hang())
    observer, runs = court.observer, court.runs
    assert handle(observer, another())["status"] == "resolved"
    until(lambda: court.server.requests, "the judge was asked")

    assert handle(observer, {**another(CRITICAL)})["status"] == "resolved"
    assert court.observer.get("/health")["state"] == "RUNNING"

    assert court.judged(runs + 2)["model_id"] == "runbook"
    assert len(court.observer.get("/mission")["history"]) == runs + 2


def test_after_ten_runs_the_rules_judge_without_any_model(tmp_path: Path) -> None:
    """The shipped configuration; a duplicate is counted, and is no run."""
    events = [{**WARNING, "event_id": f"e{i}"} for i in range(10)]
    with ObserverProcess(tmp_path / "var") as observer:
        for event in events[:9]:
            assert handle(observer, event)["status"] == "resolved"
        assert observer.post(events[0]).json()["events"][0]["duplicate"] is True
        mission = observer.get("/mission")
        assert (mission["now"]["runs"], mission["latest"]) == (9, None)
        assert observer.get("/health")["mission"] is None
        assert handle(observer, events[9])["status"] == "resolved"
        latest = until(lambda: observer.get("/mission")["latest"], "the verdict")
        assert (latest["runs"], latest["model_id"], latest["trend"]) == (10, "runbook", None)
        assert latest["snapshot"]["duplicate_deliveries"] == 1
        assert latest["snapshot"]["uptime"]["percent"] == 100.0
        assert "transformation was healed 10 times" in latest["reasons"]
