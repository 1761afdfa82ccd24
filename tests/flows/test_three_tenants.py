"""One tenant frozen, one over its budget, and a third that notices nothing of either."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.openai_server import OpenAIServer, Reply
from tests.flows.scenes import NOVEL, another, diagnosis, fresh_lab, openai_env, pages
from tests.observer_process import CRITICAL, ObserverProcess
from tests.stack.part import wait_until

pytestmark = pytest.mark.slow

STUCK = "the shards of acme are stuck"
"""What the model never comes to an end with: it wants the same reading again and again."""
NEVER_ENDING = diagnosis("none", verdict="not_proven", reading="recent_errors")


def answered(request: dict[str, Any]) -> dict[str, Any]:
    about_acme = STUCK in request["messages"][-1]["content"]
    return (NEVER_ENDING if about_acme else diagnosis()).body  # type: ignore[return-value]


def held(observer: ObserverProcess) -> dict[str, str]:
    return {hold["tenant_id"]: hold["cause"] for hold in observer.get("/health")["held"]}


def test_a_frozen_tenant_and_one_over_its_budget_leave_a_third_alone(tmp_path: Path) -> None:
    limits = {"globex": {"max_tool_calls_per_day": 5}}
    with OpenAIServer() as server:
        server.always(None, Reply(answered))
        env = openai_env(
            server, OBSERVER__BUDGET__TENANTS=json.dumps(limits), OBSERVER__CONCURRENCY="3"
        )
        with ObserverProcess(tmp_path / "var", env=env) as observer:
            fresh_lab(observer, NOVEL)

            def handle(tenant: str, *statuses: str, **changes: Any) -> dict[str, Any]:
                fresh_lab(observer, NOVEL)
                event = another(tenant_id=tenant, **changes)
                event["session_id"] = event["event_id"]
                return observer.wait_for(observer.send(event), *statuses, tenant=tenant)

            assert handle("initech")["outcome"] == "resolved"

            for _ in range(2):
                assert handle("acme", message=STUCK)["outcome"] == "escalated"
            wait_until(lambda: pages(observer), "on-call is paged")
            assert held(observer) == {"acme": "no_progress"}
            [frozen] = pages(observer)
            assert "acme" in frozen["message"]

            while "globex" not in held(observer):
                handle("globex")
            assert held(observer) == {"acme": "no_progress", "globex": "budget"}

            waiting = {t: handle(t, "suspended")["session_id"] for t in ("acme", "globex")}
            assert handle("initech")["outcome"] == "resolved"
            for tenant, session in waiting.items():
                assert observer.session(session, tenant=tenant)["status"] == "suspended"
                critical = handle(tenant, **CRITICAL)
                assert critical["outcome"] == "escalated", "nothing was done, and people know"
                done = [r["tool_name"] for r in critical["transitions"] if r["status"] == "done"]
                assert set(done) == {"create_incident", "page_oncall", "send_slack_alert"}
            assert len(pages(observer)) == 3
            assert observer.get("/health")["state"] == "RUNNING"

            observer.order("unpause", tenant_id="acme")
            assert observer.wait_for(waiting["acme"], tenant="acme")["status"] == "resolved"
            assert held(observer) == {"globex": "budget"}

        raised = {**env, "OBSERVER__BUDGET__TENANTS": "{}"}
        with ObserverProcess(tmp_path / "var", env=raised) as observer:
            session = observer.wait_for(waiting["globex"], tenant="globex")
            assert session["status"] == "resolved"
            assert held(observer) == {}
