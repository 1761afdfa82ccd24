"""Every bad day of a model: bounded, recorded, and the event is handled all the same."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.doubles.openai_server import (
    Behaviour,
    Drip,
    Drop,
    Hang,
    Huge,
    OpenAIServer,
    Reply,
    Status,
    Text,
)
from tests.flows.configs import (
    PATIENT_BREAKER,
    QUICK_CALLS,
    QUICK_CHECK,
    edited_config,
    pinned,
)
from tests.flows.scenes import (
    NOVEL,
    REMEDIES,
    another,
    diagnosis,
    fresh_lab,
    handle,
    journal_line,
    openai_env,
    pages,
    spans,
    tools,
)
from tests.observer_process import CRITICAL, INFO, WARNING, ObserverProcess

pytestmark = pytest.mark.slow

SMALL = "gpt-4o-mini"
VERSION = "gpt-4o-mini-2024-07-18"
TRIES, TIMEOUT_S, LONGEST_WAIT_S = 2, 1.0, 0.5
ANSWER = {"root_cause": "lease", "verdict": "proven", "remedy": "restart_stage", "reading": "none"}
NEVER_FROZEN = {"OBSERVER__HEALTH__NO_PROGRESS__TIMES": "99"}
"""One tenant has all the bad days of this file within minutes."""
NEVER_JUDGED = {"OBSERVER__MISSION__EVAL_EVERY": "9999"}
"""The judge's question would be counted with those of the event."""
UNCLEAR = {"stage": "transformation", "message": "Worker 7 behaves oddly since noon."}


class Stage:
    """One daemon with quick limits and its models' server, for all tests of this file."""

    def __init__(self, observer: ObserverProcess, server: OpenAIServer) -> None:
        self.observer = observer
        self.server = server

    def opens(self) -> None:
        """Begin afresh: the lab as on its first day, no request yet, nothing scripted."""
        fresh_lab(self.observer, NOVEL)
        self.server.requests.clear()
        # What an earlier test left unused would answer this one.
        self.server._queues.clear()
        self.server._standing.clear()

    def memory_mb(self, field: str) -> float:
        """A figure of the daemon's memory: VmRSS now, VmHWM at its highest."""
        assert self.observer.process is not None
        status = Path(f"/proc/{self.observer.process.pid}/status").read_text()
        found = re.search(rf"{field}:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def forget_peak(self) -> None:
        """Let VmHWM begin again from now."""
        assert self.observer.process is not None
        Path(f"/proc/{self.observer.process.pid}/clear_refs").write_text("5")


@pytest.fixture(scope="module")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("trouble")
    edits = {
        **QUICK_CHECK,
        "models.yaml": {**QUICK_CALLS, **PATIENT_BREAKER, **pinned(SMALL, VERSION)},
    }
    config = edited_config(folder / "config", edits)
    with (
        OpenAIServer() as server,
        ObserverProcess(
            folder / "var", config=config, env=openai_env(server, **NEVER_FROZEN, **NEVER_JUDGED)
        ) as observer,
    ):
        fresh_lab(observer, NOVEL)
        # The first call of all imports the provider's library, which takes longer than the
        # quick time limit allows an answer.
        server.always(None, Reply(ANSWER, model=VERSION))
        for event in (WARNING, CRITICAL):
            handle(observer, another(event))
        yield Stage(observer, server)


@pytest.fixture
def stage(_stage: Stage) -> Stage:
    _stage.opens()
    return _stage


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        pytest.param(Hang(), "Timeout", id="no answer"),
        pytest.param(Drip(), "Timeout", id="an answer without end"),
        pytest.param(Status(429, retry_after=0.3), "429", id="429 with Retry-After"),
        pytest.param(Status(429, retry_after="soon"), "429", id="429 with a broken Retry-After"),
        pytest.param(Status(500), "500", id="500"),
        pytest.param(Drop(), "Connection", id="a dropped connection"),
        pytest.param(Text("", model=VERSION), "empty", id="empty"),
        pytest.param(Text(" \n ", model=VERSION), "empty", id="blank"),
        pytest.param(
            Text('{"root_cause": "lease", "verdict": "pro', model=VERSION), "", id="truncated"
        ),
        pytest.param(
            Text('{"root_cause": "le', finish_reason="length", model=VERSION), "", id="cut off"
        ),
        pytest.param(
            Text('{"root_cause": "le', "length", VERSION, prompt_tokens=None), "", id="usage null"
        ),
        pytest.param(
            Text("Restart it!", model=VERSION, prompt_tokens=10**17), "shape", id="usage endless"
        ),
        pytest.param(Text("Restart it!", model=VERSION), "shape", id="prose"),
        pytest.param(Text("[]", model=VERSION), "shape", id="a list"),
        pytest.param(
            Reply({"severity": "WARNING"}, model=VERSION), "shape", id="another schema's answer"
        ),
        pytest.param(
            Reply({**ANSWER, "remedy": "page_oncall"}, model=VERSION), "shape", id="not on the list"
        ),
        pytest.param(Huge(10), "more than", id="10 MB"),
        pytest.param(Reply(ANSWER, model="gpt-4o-mini-9999"), "pinned", id="another version"),
    ],
)
def test_a_bad_answer_is_tried_again_once_and_then_the_runbook_answers(
    stage, behaviour: Behaviour, reason: str
):
    """Cases 24 and 25: one retry span for each failed try, in bounded time."""
    stage.server.always(SMALL, behaviour)
    before = stage.memory_mb("VmRSS")
    stage.forget_peak()

    session = handle(stage.observer, another(WARNING))

    assert stage.memory_mb("VmHWM") - before < 30
    assert len(stage.server.requests) == TRIES
    calls = spans(stage.observer, session["session_id"], "llm_call")
    # From the first question to the runbook's answer, whatever the rest of the run takes.
    took_ms = calls[-1]["timestamp_ms"] - calls[0]["timestamp_ms"]
    assert took_ms < 1000 * (TRIES * TIMEOUT_S + LONGEST_WAIT_S + 1.5)
    assert [(c["model_id"], c["result_status"]) for c in calls] == [
        *[(f"openai:{SMALL}", "error")] * TRIES,
        ("runbook", "success"),
    ]
    retries = spans(stage.observer, session["session_id"], "retry")
    assert [r["name"] for r in retries] == [f"openai:{SMALL}"] * TRIES
    assert all(reason in r["result_summary"] for r in retries), retries
    assert session["outcome"] == "resolved"
    assert "retry_failed_jobs" in tools(session)
    assert stage.observer.get("/health")["state"] == "RUNNING"


def test_an_answer_of_the_pinned_version_is_taken(stage):
    """Case 24: the pin refuses other versions only."""
    stage.server.script(SMALL, Reply(ANSWER, model=VERSION))

    session = handle(stage.observer, another(WARNING))

    (call,) = spans(stage.observer, session["session_id"], "llm_call")
    assert (call["model_version"], call["result_status"]) == (VERSION, "success")
    assert "restart_stage" in tools(session)


def test_one_failed_try_does_not_cost_the_models_answer(stage):
    """Case 24: the second try counts."""
    stage.server.script(SMALL, Status(500), Reply(ANSWER, model=VERSION))

    session = handle(stage.observer, another(WARNING))

    calls = spans(stage.observer, session["session_id"], "llm_call")
    assert [c["result_status"] for c in calls] == ["error", "success"]
    assert len(spans(stage.observer, session["session_id"], "retry")) == 1
    assert "restart_stage" in tools(session)


def test_a_retry_after_is_waited_for_if_it_is_short(stage):
    """Case 24: nobody comes earlier than he was told to."""
    stage.server.always(SMALL, Status(429, retry_after=LONGEST_WAIT_S))

    handle(stage.observer, another(WARNING))

    first, second = (request["at"] for request in stage.server.requests)
    assert second - first >= LONGEST_WAIT_S


def test_a_long_retry_after_is_not_waited_for_and_the_runbook_answers_at_once(stage):
    """Case 24: a provider may ask for patience, not for an hour of it."""
    stage.server.always(SMALL, Status(429, retry_after=3600))

    session = handle(stage.observer, another(WARNING))

    assert len(stage.server.requests) == 1
    (retry,) = spans(stage.observer, session["session_id"], "retry")
    assert "429" in retry["result_summary"]
    assert session["outcome"] == "resolved"


@pytest.mark.parametrize(
    ("behaviour", "billed"),
    [
        pytest.param(Status(429), False, id="429"),
        pytest.param(Status(500), False, id="500"),
        pytest.param(Hang(), True, id="no answer"),
        pytest.param(Drop(), True, id="a dropped connection"),
        pytest.param(Huge(10), True, id="10 MB"),
        pytest.param(Text("Restart it!", model=VERSION), True, id="prose"),
        pytest.param(
            Text('{"root_cause": "le', finish_reason="length", model=VERSION), True, id="cut off"
        ),
    ],
)
def test_what_a_failed_call_may_have_cost_stands_in_its_span(stage, behaviour, billed):
    """A refusal costs nothing; what may have been billed costs its usage, else its worst case."""
    stage.server.always(SMALL, behaviour)

    session = handle(stage.observer, another(WARNING))

    costs = [c["cost_usd"] for c in spans(stage.observer, session["session_id"], "llm_call")]
    assert [cost > 0 for cost in costs] == [*[billed] * TRIES, False]


def test_the_provider_is_told_how_long_an_answer_may_be(stage):
    """The worst case that is reserved holds only if nothing longer can come back."""
    stage.server.always(SMALL, Reply(ANSWER, model=VERSION))

    handle(stage.observer, another(WARNING))

    assert stage.server.requests[0]["max_output_tokens"] == 1000


@pytest.mark.parametrize("code", [400, 401, 403, 404])
def test_a_refusal_that_no_second_try_can_mend_is_not_tried_again(stage, code):
    stage.server.always(SMALL, Status(code))

    session = handle(stage.observer, another(WARNING))

    assert len(stage.server.requests) == 1
    assert len(spans(stage.observer, session["session_id"], "retry")) == 1
    assert session["outcome"] == "resolved"


def test_a_classify_model_in_trouble_leaves_the_event_a_warning(stage):
    """Cases 24 and 35: unknown is WARNING, and never a page; a third empty answer ends the run."""
    stage.server.always(SMALL, Text("", model=VERSION))
    paged = len(pages(stage.observer))

    session = handle(stage.observer, another(UNCLEAR))

    assert session["severity"] == "WARNING"
    assert session["outcome"] == "escalated"
    assert "empty: 3 answers of the model" in session["report"]
    assert len(pages(stage.observer)) == paged


def test_the_import_of_a_providers_library_costs_the_first_answer_nothing(tmp_path):
    """Case 24: the time limit is the answer's; on a cold start the first model call is kept."""
    limit = {"timeout: 12s ": "timeout: 400ms "}
    config = edited_config(tmp_path / "config", {"models.yaml": limit})
    with (
        OpenAIServer() as server,
        ObserverProcess(tmp_path / "var", config=config, env=openai_env(server)) as observer,
    ):
        fresh_lab(observer, NOVEL)
        server.always(None, Reply(ANSWER))

        session = handle(observer, another(WARNING))

        (call,) = spans(observer, session["session_id"], "llm_call")
        assert (call["model_id"], call["result_status"]) == (f"openai:{SMALL}", "success")


def test_a_rate_limited_model_delays_no_page_and_is_used_again_when_it_heals(stage):
    """Case 80, scaled from 15 s to 3 s."""
    stage.server.always(None, Status(429, retry_after=1))
    paged = len(pages(stage.observer))
    states = set()

    sessions = [stage.observer.send(another(WARNING)) for _ in range(3)]
    sessions += [stage.observer.send(another(CRITICAL))]
    sessions += [stage.observer.send(another(WARNING)) for _ in range(2)]
    first_failure = None
    while len(pages(stage.observer)) == paged:
        if first_failure is None and stage.server.requests:
            first_failure = stage.server.requests[0]["at"]
        states.add(stage.observer.get("/health")["state"])
        assert first_failure is None or time.monotonic() - first_failure < 5
        time.sleep(0.02)
    while time.monotonic() - (first_failure or 0) < 3:
        states.add(stage.observer.get("/health")["state"])
        time.sleep(0.1)
    stage.server._standing.clear()
    stage.server.always(None, Reply(ANSWER, model=VERSION))
    ended = [stage.observer.wait_for(session) for session in sessions]
    after = handle(stage.observer, another(WARNING))

    assert {session["outcome"] for session in ended} == {"resolved"}
    assert len(pages(stage.observer)) == paged + 1
    assert states == {"RUNNING"}
    calls = spans(stage.observer, after["session_id"], "llm_call")
    assert [(c["model_id"], c["result_status"]) for c in calls] == [(f"openai:{SMALL}", "success")]


def test_a_model_that_is_dead_for_good_changes_no_outcome(tmp_path):
    """Case 81: nothing listens at the model's address; every span names who answered."""
    with OpenAIServer() as gone:
        pass
    config = edited_config(tmp_path / "config", {**QUICK_CHECK, "models.yaml": QUICK_CALLS})
    with ObserverProcess(tmp_path / "var", config=config, env=openai_env(gone)) as observer:
        fresh_lab(observer, NOVEL)
        info = handle(observer, another(INFO))
        warning = handle(observer, another(WARNING))
        unclear = handle(observer, another(UNCLEAR))
        critical = handle(observer, another(CRITICAL))

        assert (info["outcome"], info["transitions"]) == ("acknowledged", [])
        assert warning["outcome"] == unclear["outcome"] == critical["outcome"] == "resolved"
        assert unclear["severity"] == "WARNING"
        assert tools(warning)[2:] == [
            "retry_failed_jobs",
            "get_stage_metrics",
            "create_incident",
            "send_slack_alert",
        ]
        assert tools(critical)[2:] == [
            "restart_stage",
            "get_stage_metrics",
            "create_incident",
            "page_oncall",
            "send_slack_alert",
        ]
        assert len(pages(observer)) == 1
        for session in (warning, unclear, critical):
            calls = spans(observer, session["session_id"], "llm_call")
            answered = {c["model_id"] for c in calls if c["result_status"] == "success"}
            assert answered == {"runbook"}
        assert observer.get("/health")["state"] == "RUNNING"


def test_a_model_that_asks_for_the_same_reading_for_ever_is_stuck_and_a_person_gets_it(stage):
    """Case 82: three readings, then a person; the next event is unaffected."""
    for_ever = diagnosis("none", verdict="not_proven", reading="overall_health")
    stage.server.always(SMALL, Reply(for_ever.body, model=VERSION))

    session = handle(stage.observer, another(WARNING))

    assert len(stage.server.requests) == 3
    assert tools(session).count("check_pipeline_health") == 3
    assert not set(tools(session)) & set(REMEDIES)
    assert session["outcome"] == "escalated"
    line = journal_line(
        stage.observer, session["session_id"], lambda line: "stuck" in line.get("because", "")
    )
    assert (line["kind"], line["node"]) == ("decision", "diagnose")
    found = journal_line(
        stage.observer, session["session_id"], lambda line: line.get("anomaly") == "stuck"
    )
    assert found["seen"] == "check_pipeline_health was called 3 times with the same arguments"
    stage.server.always(SMALL, Reply(ANSWER, model=VERSION))
    assert handle(stage.observer, another(WARNING))["outcome"] == "resolved"


def test_a_model_that_answers_nothing_for_ever_is_noted_as_empty_and_the_runbook_heals(stage):
    """Cases 35 and 82."""
    stage.server.always(SMALL, Text("", model=VERSION))

    session = handle(stage.observer, another(WARNING))

    assert session["outcome"] == "resolved"
    line = journal_line(
        stage.observer, session["session_id"], lambda line: line["kind"] == "health"
    )
    assert (line["anomaly"], line["model"]) == ("empty", f"openai:{SMALL}")
    stage.server.always(SMALL, Reply(ANSWER, model=VERSION))
    assert handle(stage.observer, another(WARNING))["outcome"] == "resolved"


def test_health_names_the_models_trouble_until_it_answers_again(stage):
    stage.server.always(SMALL, Status(500))
    handle(stage.observer, another(WARNING))
    ill = httpx.get(f"{stage.observer.url}/health").text
    stage.server.always(SMALL, Reply(ANSWER, model=VERSION))
    handle(stage.observer, another(WARNING))
    well = httpx.get(f"{stage.observer.url}/health").text

    assert "scripted 500" in ill
    assert "scripted 500" not in well
