"""The scenario `model-outage`: the models' provider refuses everybody, and nobody waits for it."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from observer.cli.demo_model_server import RateLimited, ScriptedModel, scripted_model
from observer.cli.demo_stage import Scenario, Stage

CAUSE = "a worker lost its lease on shard 12"
ANSWER = {"root_cause": CAUSE, "verdict": "proven", "remedy": "restart_stage", "reading": "none"}
NOVEL = {"errors": {"transformation": ["Worker 7 lost its lease on shard 12"]}}
"""Faults of the lab that no known error explains, so that a model is asked."""
RETRY_AFTER = 5.0
PAGED_WITHIN = 5.0
HEALS_WITHIN = 20.0
POLL_EVERY = 0.1


class ModelOutage:
    """A provider on loopback that the scenario makes well and ill."""

    def __init__(self) -> None:
        self._model: ScriptedModel | None = None

    @property
    def model(self) -> ScriptedModel:
        assert self._model is not None  # noqa: S101  the setting is entered first
        return self._model

    @contextmanager
    def setting(self, data_dir: Path, config: Path) -> Iterator[Mapping[str, str]]:
        """A model that answers, and a fault that only a model can explain."""
        world = data_dir / "pipeline"
        world.mkdir(parents=True, exist_ok=True)
        (world / "faults.json").write_text(json.dumps(NOVEL))
        with scripted_model(ANSWER) as self._model:
            yield self._model.environment

    def play(self, stage: Stage) -> None:
        """Well, refused with 429, left alone, well again."""
        stage.say("The model is well.")
        self._handled(stage, stage.send("warning"), by_model=True)

        stage.say()
        stage.say(f"From now on the provider answers 429, Retry-After {RETRY_AFTER:g} s.")
        asked = self.model.count
        self.model.answers = RateLimited(RETRY_AFTER)
        warning, critical = stage.send("warning"), stage.send("critical")
        paged = self._first_page(stage)
        self._handled(stage, critical, by_model=False)
        self._handled(stage, warning, by_model=False)
        first = next(iter(self.model.asked[asked:]), None)
        after = None if paged is None or first is None else paged - first.at
        stage.check(
            f"on-call is paged within {PAGED_WITHIN:g} s of the first failure",
            after is not None and after < PAGED_WITHIN,
            after,
        )
        stage.say(f"  after {after:.1f} s" if after is not None else "  not at all")
        ill = self._provider(stage)
        stage.check("the provider is left alone", ill["state"] != "closed", ill)
        self._handled(stage, stage.send("warning"), by_model=False)
        times = [failure.at for failure in self.model.asked[asked:]]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        stage.check(
            "and never asked earlier than it said",
            min(gaps, default=RETRY_AFTER) >= RETRY_AFTER,
            gaps,
        )

        stage.say()
        stage.say("The provider is well again.")
        self.model.answers = ANSWER
        well = self._until_let_in(stage)
        stage.check("it is let in again by itself", well["state"] != "open", well)
        self._handled(stage, stage.send("warning"), by_model=True)
        well = self._provider(stage)
        stage.check("and is well", well["state"] == "closed" and well["last_error"] is None, well)

    def _handled(self, stage: Stage, session_id: str, *, by_model: bool) -> None:
        """Follow a session to its end, which must be a good one, by whose answer it says."""
        session = stage.follow(session_id)
        stage.keep(session)
        who = "the model" if by_model else "the runbook"
        stage.check(
            f"{session['severity']} is resolved by what {who} answers",
            session["status"] == "resolved"
            and (f"Cause: {CAUSE}" in session["report"]) is by_model,
            (session["status"], session["report"]),
        )
        state = stage.observer.get("/health").body["state"]
        stage.check("the observer is RUNNING", state == "RUNNING", state)

    def _provider(self, stage: Stage) -> dict[str, Any]:
        """What `/health` says of the provider."""
        provider = stage.observer.get("/health").body["models"]["providers"]["openai"]
        error = f": {provider['last_error']}" if provider["last_error"] else ""
        stage.say(f"  /health: openai is {provider['state']}{error}")
        return provider

    def _until_let_in(self, stage: Stage) -> dict[str, Any]:
        deadline = time.monotonic() + HEALS_WITHIN
        while True:
            provider = stage.observer.get("/health").body["models"]["providers"]["openai"]
            if provider["state"] != "open" or time.monotonic() > deadline:
                return provider
            time.sleep(POLL_EVERY)

    def _first_page(self, stage: Stage) -> float | None:
        """When the first page is there, by the clock that the model's questions have."""
        alerts = stage.data_dir / "pipeline" / "alerts.json"
        deadline = time.monotonic() + HEALS_WITHIN
        while time.monotonic() < deadline:
            if '"pagerduty"' in alerts.read_text():
                return time.monotonic()
            time.sleep(POLL_EVERY)
        return None


def model_outage() -> Scenario:
    """The scenario, with a provider of its own."""
    outage = ModelOutage()
    return Scenario(outage.play, {"OBSERVER_MODELS": "openai"}, outage.setting)
