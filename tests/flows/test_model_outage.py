"""An outage of the models is no outage of the observer: nobody waits for them, all is handled."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.openai_server import OpenAIServer, Status
from tests.flows.scenes import (
    NOVEL,
    another,
    diagnosis,
    fresh_lab,
    handle,
    journal_line,
    openai_env,
    pages,
    spans,
)
from tests.observer_process import CRITICAL, WARNING, ObserverProcess

pytestmark = pytest.mark.slow

OUTAGE_S = 15.0
PAGED_WITHIN_S = 5.0
OPEN_FOR_S = 15.0


def answered_by(observer: ObserverProcess, session_id: str) -> set[str]:
    """Whose answers were used for a session."""
    calls = spans(observer, session_id, "llm_call")
    return {call["model_id"] for call in calls if call["result_status"] == "success"}


def provider(observer: ObserverProcess) -> dict[str, Any]:
    return observer.get("/health")["models"]["providers"]["openai"]


def test_a_model_that_answers_429_for_15_s_costs_no_event_and_delays_no_page(
    tmp_path: Path,
) -> None:
    """Case 80, with the shipped limits."""
    with (
        OpenAIServer() as server,
        ObserverProcess(tmp_path / "var", env=openai_env(server)) as observer,
    ):
        fresh_lab(observer, NOVEL)
        server.always(None, diagnosis("restart_stage"))
        before = handle(observer, another(WARNING))
        assert answered_by(observer, before["session_id"]) == {"openai:gpt-4o-mini"}
        server.requests.clear()
        server.always(None, Status(429, retry_after=1))
        paged = len(pages(observer))

        sessions = [observer.send(another(WARNING)) for _ in range(3)]
        sessions += [observer.send(another(CRITICAL))]
        sessions += [observer.send(another(WARNING)) for _ in range(2)]
        states = set()
        first_failure = None
        while len(pages(observer)) == paged:
            if first_failure is None and server.requests:
                first_failure = server.requests[0]["at"]
            assert first_failure is None or time.monotonic() - first_failure < PAGED_WITHIN_S
            states.add(observer.get("/health")["state"])
            time.sleep(0.02)
        assert first_failure is not None
        ended = [observer.wait_for(session) for session in sessions]
        ill = provider(observer)
        while time.monotonic() - first_failure < OUTAGE_S:
            states.add(observer.get("/health")["state"])
            time.sleep(0.2)
        asked_while_ill = len(server.requests)
        server.always(None, diagnosis("restart_stage"))
        while provider(observer)["state"] == "open":
            assert time.monotonic() - first_failure < OUTAGE_S + OPEN_FOR_S
            time.sleep(0.2)
        after = handle(observer, another(WARNING))

        assert {session["outcome"] for session in ended} == {"resolved"}
        for session in ended:
            assert answered_by(observer, session["session_id"]) == {"runbook"}
        assert len(pages(observer)) == paged + 1
        assert states == {"RUNNING"}
        assert asked_while_ill == 2, "two failures in a row, then it is left alone"
        assert (ill["state"], "429" in ill["last_error"]) == ("open", True)
        assert answered_by(observer, after["session_id"]) == {"openai:gpt-4o-mini"}
        assert provider(observer) | {"since": 0} == {
            "state": "closed",
            "since": 0,
            "last_error": None,
        }


def test_a_provider_that_is_left_alone_is_named_in_spans_journal_and_health(
    tmp_path: Path,
) -> None:
    """Case 81: and the observer is as healthy as before."""
    with OpenAIServer() as gone:
        pass
    with ObserverProcess(tmp_path / "var", env=openai_env(gone)) as observer:
        fresh_lab(observer, NOVEL)
        first = handle(observer, another(WARNING))
        second = handle(observer, another(CRITICAL))

        failed = spans(observer, first["session_id"], "retry")
        assert [span["result_status"] for span in failed] == ["error", "error"]
        (skipped,) = spans(observer, second["session_id"], "retry")
        assert (skipped["name"], skipped["result_status"]) == ("openai:gpt-4o", "skipped")
        assert "openai is left alone" in skipped["result_summary"]
        line = journal_line(
            observer, second["session_id"], lambda line: line.get("anomaly") == "skipped"
        )
        assert (line["kind"], line["reason"]) == ("health", skipped["result_summary"])
        health = observer.get("/health")
        assert (health["state"], health["reasons"]) == ("RUNNING", [])
        assert "Connect" in health["models"]["providers"]["openai"]["last_error"]
        # Nothing was ever sent, so nothing is counted as spent.
        calls = spans(observer, first["session_id"], "llm_call")
        assert {call["cost_usd"] for call in calls} == {0.0}
