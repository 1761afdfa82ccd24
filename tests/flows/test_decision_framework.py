"""What is done for which event, with the embedded runbook model: the lab's decision framework."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from observer.domain.event import thread_id
from tests.doubles.openai_server import OpenAIServer
from tests.flows.configs import QUICK_CHECK, edited_config
from tests.flows.scenes import (
    NOVEL,
    REMEDIES,
    another,
    fresh_lab,
    handle,
    openai_env,
    pages,
    rows,
    spans,
    tools,
)
from tests.observer_process import CRITICAL, INFO, WARNING, ObserverProcess

pytestmark = pytest.mark.slow

BOTH_FAIL = {"retry_failed_jobs": {"mode": "no_heal"}, "restart_stage": {"mode": "no_heal"}}
SECOND_HEALS = {
    "retry_failed_jobs": {"mode": "heal_on_second"},
    "restart_stage": {"mode": "heal_on_second"},
}
RETRY_REFUSED = {"retry_failed_jobs": {"mode": "refuse"}}


@pytest.fixture(scope="module")
def observer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObserverProcess]:
    folder = tmp_path_factory.mktemp("framework")
    config = edited_config(folder / "config", QUICK_CHECK)
    env = {
        "OBSERVER__QUEUE__POLLING_INTERVAL": "100ms",
        "OBSERVER__WORKER__RETRY_DELAYS": '["100ms"]',
        # One observer for all these tests: its known error fails in several of them.
        "OBSERVER__LEARNING__RETIRE_AFTER_FAILURES": "100",
    }
    with ObserverProcess(folder / "var", config=config, env=env) as process:
        yield process


@pytest.fixture
def thrifty(tmp_path: Any) -> Iterator[ObserverProcess]:
    """An observer that may call two tools for an event."""
    config = edited_config(tmp_path / "config", QUICK_CHECK)
    env = {"OBSERVER__BUDGET__MAX_TOOL_CALLS_PER_RUN": "2"}
    with ObserverProcess(tmp_path / "var", config=config, env=env) as process:
        yield process


def statistics(observer: ObserverProcess) -> tuple[int, int]:
    """How often the lab's known error was healed, and how often not."""
    found = rows(
        observer.data_dir / "observer.db",
        "SELECT successes, failures FROM known_error_statistics WHERE known_error = ?",
        "ke-legacy-id",
    )
    return found[0] if found else (0, 0)


def said(observer: ObserverProcess, kind: str, before: int) -> list[dict[str, Any]]:
    """What was added to one of the lab's lists."""
    return observer.pipeline(kind)[before:]


@pytest.mark.parametrize("profile", ["runbook", "openai"])
def test_an_info_costs_no_model_call_no_tool_call_and_no_checkpoint(tmp_path, profile):
    """Case 87's unit, the lab's INFO."""
    with (
        OpenAIServer() as server,
        ObserverProcess(
            tmp_path / "var", env=openai_env(server, OBSERVER_MODELS=profile)
        ) as observer,
    ):
        session = handle(observer, INFO)

        assert (session["status"], session["outcome"]) == ("acknowledged", "acknowledged")
        assert session["transitions"] == []
        assert server.requests == []
        assert spans(observer, session["session_id"]) == []
        kept = rows(
            observer.data_dir / "checkpoints.db",
            "SELECT count(*) FROM checkpoints WHERE thread_id = ?",
            thread_id("default", session["session_id"]),
        )
        assert kept == [(0,)]
        assert observer.pipeline("incidents") == observer.pipeline("alerts") == []


def test_a_warning_is_read_retried_verified_and_told_in_its_channel_without_a_page(observer):
    """The lab's WARNING: 4 to 6 tool calls, in this order."""
    fresh_lab(observer)
    incidents, alerts = (len(observer.pipeline(kind)) for kind in ("incidents", "alerts"))

    session = handle(observer, another(WARNING))

    called = tools(session)
    assert sorted(called[:2]) == ["get_recent_errors", "get_stage_metrics"]
    assert called[2:] == [
        "retry_failed_jobs",
        "get_stage_metrics",
        "create_incident",
        "send_slack_alert",
    ]
    assert session["outcome"] == "resolved"
    assert observer.pipeline("pipeline_state")["stages"]["transformation"] == "healthy"
    (incident,) = said(observer, "incidents", incidents)
    assert (incident["severity"], incident["affected_stage"]) == ("WARNING", "transformation")
    (alert,) = said(observer, "alerts", alerts)
    assert (alert["type"], alert["channel"]) == ("slack", "#data-pipeline")


def test_a_critical_looks_at_the_whole_first_restarts_verifies_and_pages(observer):
    """The lab's CRITICAL: 5 to 7 tool calls, in this order."""
    fresh_lab(observer)
    incidents, alerts = (len(observer.pipeline(kind)) for kind in ("incidents", "alerts"))

    session = handle(observer, another(CRITICAL))

    assert tools(session) == [
        "check_pipeline_health",
        "get_stage_metrics",
        "restart_stage",
        "get_stage_metrics",
        "create_incident",
        "page_oncall",
        "send_slack_alert",
    ]
    assert session["outcome"] == "resolved"
    (incident,) = said(observer, "incidents", incidents)
    assert (incident["severity"], incident["affected_stage"]) == ("CRITICAL", "loading")
    page, chat = said(observer, "alerts", alerts)
    assert (page["type"], page["service"]) == ("pagerduty", "data-platform")
    assert (chat["type"], chat["channel"]) == ("slack", "#incidents")


def test_a_critical_that_nothing_heals_pages_and_says_so(observer):
    """Case 31 for a page: the restart did nothing, and the person who is woken reads that."""
    fresh_lab(observer, {"tools": BOTH_FAIL, "metrics": {"loading": {"error_rate_pct": 9.5}}})

    session = handle(observer, another(CRITICAL))

    assert session["outcome"] == "escalated"
    assert [t for t in tools(session) if t in REMEDIES] == ["restart_stage"]
    assert "not healed" in pages(observer)[-1]["message"]


def test_a_fix_that_does_not_hold_leads_to_the_next_idea_and_then_to_a_person(observer):
    """Case 31: not resolved, the report says so, and the known error is not counted as healed."""
    fresh_lab(observer, {"tools": BOTH_FAIL})
    healed, failed = statistics(observer)

    session = handle(observer, another(WARNING))

    assert session["outcome"] == "escalated"
    assert [t for t in tools(session) if t in REMEDIES] == ["retry_failed_jobs", "restart_stage"]
    assert "Result: not healed: restart_stage did not heal it" in session["report"]
    assert "not healed" in observer.pipeline("incidents")[-1]["description"]
    assert "not healed" in observer.pipeline("alerts")[-1]["message"]
    assert statistics(observer) == (healed, failed + 1)


def test_the_second_idea_may_heal_and_then_the_first_one_still_counts_as_failed(observer):
    """Case 31: what healed was the restart, not the known error's own fix."""
    fresh_lab(observer, {"tools": SECOND_HEALS})
    healed, failed = statistics(observer)

    session = handle(observer, another(WARNING))

    assert session["outcome"] == "resolved"
    assert [t for t in tools(session) if t in REMEDIES] == ["retry_failed_jobs", "restart_stage"]
    assert "healed and verified (restart_stage)" in session["report"]
    assert statistics(observer) == (healed, failed + 1)


def test_a_known_error_counts_as_healed_only_after_its_check(observer):
    """Case 31, the good side of it."""
    fresh_lab(observer)
    healed, failed = statistics(observer)

    session = handle(observer, another(WARNING))

    assert session["outcome"] == "resolved"
    assert statistics(observer) == (healed + 1, failed)


def test_a_novel_error_counts_for_no_known_error(observer):
    fresh_lab(observer, NOVEL)
    before = statistics(observer)

    session = handle(observer, another(WARNING))

    assert session["outcome"] == "resolved"
    assert statistics(observer) == before


def test_a_reply_that_starts_with_err_is_a_failed_call_and_the_next_idea_is_tried(observer):
    """Case 92: ERR with a successful call is recorded as failed, never as done."""
    fresh_lab(observer, {"tools": RETRY_REFUSED})

    session = handle(observer, another(WARNING))

    by_tool = {row["tool_name"]: row for row in session["transitions"]}
    assert by_tool["retry_failed_jobs"]["status"] == "failed"
    assert "ERR" in by_tool["retry_failed_jobs"]["result_summary"]
    assert by_tool["restart_stage"]["status"] == "done"
    assert session["outcome"] == "resolved"
    (span,) = (s for s in spans(observer, session["session_id"]) if s["name"] == REMEDIES[0])
    assert span["result_status"] == "error"


@pytest.mark.parametrize(
    ("event", "reads", "remedies", "told"),
    [
        (
            WARNING,
            2,
            ["retry_failed_jobs", "restart_stage"],
            ["create_incident", "send_slack_alert"],
        ),
        (
            CRITICAL,
            2,
            ["restart_stage"],
            ["create_incident", "page_oncall", "send_slack_alert"],
        ),
    ],
    ids=["WARNING", "CRITICAL"],
)
def test_a_spent_budget_refuses_what_is_left_to_do_but_never_keeps_people_uninformed(
    thrifty, event, reads, remedies, told
):
    """Case 84's rule for one event: reads and remedies count, notifications don't."""
    session = handle(thrifty, event)

    done = [r["tool_name"] for r in session["transitions"] if r["status"] == "done"]
    refused = [r for r in session["transitions"] if r["result_status"] == "refused"]
    assert done[reads:] == told
    assert [row["tool_name"] for row in refused] == remedies
    assert all("budget of 2 tool calls" in row["result_summary"] for row in refused)
    assert session["outcome"] == "escalated"
    assert "not healed" in session["report"]
    logged = (thrifty.data_dir / "pipeline" / "actions.jsonl").read_text().splitlines()
    actions = {json.loads(line).get("action") for line in logged}
    assert actions & {*REMEDIES, *told} == set(told)
    # A fix that was refused has neither held nor failed.
    assert statistics(thrifty) == (0, 0)


def test_a_tenants_spent_day_refuses_its_remedies_tells_people_and_costs_no_other_tenant(tmp_path):
    """Case 23, by configuration: the third call of a day is one too many, after a restart, too."""
    config = edited_config(tmp_path / "config", QUICK_CHECK)
    env = {
        "OBSERVER__BUDGET__PER_TENANT__MAX_TOOL_CALLS_PER_DAY": "2",
        "OBSERVER__BUDGET__ON_EXCEEDED": "escalate",
    }
    told = ["create_incident", "send_slack_alert"]
    with ObserverProcess(tmp_path / "var", config=config, env=env) as observer:
        for tenant, looks in (("acme", 2), ("globex", 2), ("acme", 0)):
            session_id = observer.send(another(WARNING, tenant_id=tenant))
            observer.wait_until_idle()
            session = observer.get(f"/sessions/{session_id}?tenant_id={tenant}")
            transitions = session["transitions"]
            done = [row["tool_name"] for row in transitions if row["status"] == "done"]
            refused = [row for row in transitions if row["result_status"] == "refused"]
            said = {row["result_summary"] for row in refused}
            assert done[looks:] == told
            assert said == {f"today's budget of 2 tool calls for tenant '{tenant}' is spent"}
            assert session["outcome"] == "escalated"
            if tenant == "globex":
                observer.terminate()
                observer.start()


def test_a_stage_that_is_not_in_the_tree_gets_a_person_and_no_remedy(observer):
    """Case 66: no action on a node that this observer does not watch."""
    session = handle(observer, another(WARNING, stage="billing"))

    assert session["outcome"] == "escalated"
    assert not set(tools(session)) & set(REMEDIES)
    assert tools(session)[-2:] == ["create_incident", "send_slack_alert"]


@pytest.mark.parametrize(
    "stage", ["loading; rm -rf /", "../loading", "-loading", "loading\nindexing", "load\u0456ng"]
)
def test_a_stage_that_is_not_a_plain_name_is_never_accepted(observer, stage):
    """Case 65."""
    answer = observer.post(another(CRITICAL, stage=stage))

    assert answer.status_code == 422
    assert "stage" in answer.text


def test_a_report_of_many_looks_still_fits_into_a_ticket(tmp_path):
    """Guarantee 7: no amount of evidence may keep the ticket from being written."""
    patient = {"timeout: 2s": "timeout: 800ms", "interval: 500ms": "interval: 10ms"}
    config = edited_config(tmp_path / "config", {"runbook.yaml": patient})
    env = {
        "OBSERVER__BUDGET__MAX_TOOL_CALLS_PER_RUN": "100",
        "OBSERVER__WORKER__RETRY_DELAYS": '["100ms"]',
    }
    with ObserverProcess(tmp_path / "var", config=config, env=env) as observer:
        fresh_lab(observer, {**NOVEL, "tools": BOTH_FAIL})

        session = handle(observer, WARNING)

        assert len(session["transitions"]) > 50
        assert session["outcome"] == "escalated"
        (ticket,) = observer.pipeline("incidents")
        assert "get_stage_metrics: success" in ticket["description"]
        assert "Result: not healed" in ticket["description"]


@pytest.mark.parametrize("text", ["<", "&", "\u0000", "\U0001f525"], ids=ascii)
def test_no_text_of_an_alert_can_keep_a_critical_from_its_ticket_and_page(observer, text):
    """Case 70 and guarantee 7: however long the text grows when it is made inert."""
    fresh_lab(observer)
    paged = len(pages(observer))

    session = handle(observer, another(CRITICAL, message=f"Stage FAILED {text * 5000}"))

    assert session["outcome"] == "resolved"
    assert [r["status"] for r in session["transitions"]] == ["done"] * 7
    assert len(pages(observer)) == paged + 1
