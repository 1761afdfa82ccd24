"""Guarantee 10: what a model call cost is on disk before anything is done with its answer."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.crash.evidence import config_with_dying_tools, doom, until
from tests.doubles.openai_server import Hang, OpenAIServer
from tests.flows.scenes import NOVEL, diagnosis, fresh_lab, openai_env, rows, spans
from tests.observer_process import WARNING, ObserverProcess

pytestmark = pytest.mark.slow


def test_killed_before_the_remedy_the_models_span_and_cost_are_kept_and_it_is_not_asked_again(
    tmp_path: Path,
) -> None:
    config = config_with_dying_tools(tmp_path)
    with (
        OpenAIServer() as server,
        ObserverProcess(tmp_path / "var", config=config, env=openai_env(server)) as observer,
    ):
        fresh_lab(observer, NOVEL)
        server.script("gpt-4o-mini", diagnosis("restart_stage"))
        doom(observer.data_dir, "restart_stage", "before")
        observer.send({**WARNING, "session_id": "paid-for"})
        assert observer.process is not None
        assert observer.process.wait(30) == -signal.SIGKILL

        observer.start()
        ended = observer.wait_for("paid-for")

        assert ended["outcome"] == "resolved"
        (span,) = spans(observer, "paid-for", "llm_call")
        assert span["cost_usd"] > 0
        assert len(server.requests) == 1


def test_killed_while_a_model_is_asked_spans_budget_and_bill_are_the_same(tmp_path: Path) -> None:
    """Case 45: the span of a call that died with its process is written by the next one."""
    with (
        OpenAIServer() as server,
        ObserverProcess(tmp_path / "var", env=openai_env(server)) as observer,
    ):
        fresh_lab(observer, NOVEL)
        server.script("gpt-4o-mini", Hang(), diagnosis("restart_stage"))
        observer.send({**WARNING, "session_id": "asked-twice"})
        until(lambda: server.requests, "the model is asked")
        observer.kill()

        observer.start()
        assert observer.wait_for("asked-twice")["outcome"] == "resolved"

        cut, answered = spans(observer, "asked-twice", "llm_call")
        assert (cut["result_status"], answered["result_status"]) == ("interrupted", "success")
        assert cut["trace_id"] != answered["trace_id"]
        nano = cut["cost_nano"] + answered["cost_nano"]
        used = observer.get("/health")["budget"]["used"]["*"]["cost_usd"]["used"]
        assert round(used * 10**9) == nano
        assert observer.get("/costs")["total"]["cost_nano"] == nano
        spending = rows(observer.data_dir / "observer.db", "SELECT sum(spent_nano) FROM spending")
        assert tuple(spending[0]) == (nano,)
