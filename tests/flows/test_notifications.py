"""Guarantee 7: who is to be told is told, once, however many channels are broken meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.flows.configs import edited_config
from tests.flows.scenes import another, handle, pages, tools
from tests.observer_process import CRITICAL, WARNING, ObserverProcess

pytestmark = pytest.mark.slow

QUICK = {
    "OBSERVER__QUEUE__POLLING_INTERVAL": "100ms",
    "OBSERVER__WORKER__RETRY_DELAYS": '["100ms"]',
}


def broken(*tools: str, mode: str = "error", times: int | None = None) -> dict[str, Any]:
    return {"tools": {tool: {"mode": mode, "times": times} for tool in tools}}


@pytest.fixture
def observer(tmp_path: Path):
    with ObserverProcess(tmp_path / "var", env=QUICK) as process:
        yield process


def test_a_page_that_the_pager_refused_once_is_paged_and_only_then_counts(observer) -> None:
    """Case 92: a refusal kept under the key would be taken for a delivery at the next try."""
    observer.faults(broken("page_oncall", mode="refuse", times=1))

    session = handle(observer, CRITICAL)

    assert session["status"] == "resolved"
    assert len(pages(observer)) == 1
    assert [run["status"] for run in session["runs"]][-1] == "done"


def test_one_broken_channel_stops_nobody_and_is_told_when_it_is_back(observer) -> None:
    """Guarantee 9: seven WARNINGs that cannot reach the chat are no reason to refuse a CRITICAL."""
    observer.faults(broken("send_slack_alert"))
    held = [observer.send(another(WARNING, session_id=f"held-{i}")) for i in range(7)]
    for session in held:
        observer.wait_for(session, "queued")

    assert observer.get("/health")["state"] == "RUNNING"
    urgent = observer.send(another(CRITICAL, session_id="urgent"))
    while not pages(observer):
        assert observer.session(urgent)["status"] in ("queued", "running")

    observer.faults({})
    for session in [*held, urgent]:
        assert observer.wait_for(session)["status"] == "resolved"
    chats = [a["channel"] for a in observer.pipeline("alerts") if a["type"] == "slack"]
    assert sorted(chats) == ["#data-pipeline"] * 7 + ["#incidents"]
    assert len(observer.pipeline("incidents")) == 8


def test_a_ticket_that_cannot_be_written_keeps_nobody_from_being_paged(observer) -> None:
    """The page failed once, too: its second chance does not wait behind the ticket's."""
    failing = {"create_incident": {"mode": "error"}, "page_oncall": {"mode": "error", "times": 1}}
    observer.faults({"tools": failing})
    session = observer.send(CRITICAL)
    while not pages(observer):
        assert observer.session(session)["status"] in ("queued", "running")

    observer.faults({})
    assert observer.wait_for(session)["status"] == "resolved"
    assert len(pages(observer)) == 1
    assert len(observer.pipeline("incidents")) == 1


def test_an_approval_is_heard_though_its_page_never_went_out(tmp_path: Path) -> None:
    """The question is listed from the start, and its answer needs no pager."""
    asks = "restart_stage: {level: approve, blast_radius: 3}"
    config = edited_config(
        tmp_path / "config",
        {"autonomy.yaml": {"restart_stage: {level: full, blast_radius: 3}": asks}},
    )
    with ObserverProcess(tmp_path / "var", config=config, env=QUICK) as observer:
        observer.faults(broken("page_oncall"))
        session = observer.send(CRITICAL)
        observer.wait_for(session, "queued")
        while not (pending := observer.session(session)["pending"]):
            assert observer.session(session)["status"] in ("queued", "running")

        answer = observer.answer(session, {"type": "approve"})
        assert answer.status_code == 202
        while "restart_stage" not in tools(observer.session(session)):
            assert observer.session(session)["status"] in ("queued", "running")
        observer.faults({})

        assert observer.wait_for(session)["status"] == "resolved"
        assert observer.get(f"/approvals/{pending[0]['id']}")["status"] == "answered"
        assert len(pages(observer)) == 1


def test_an_unrated_event_of_a_critical_node_withdraws_a_warnings_question(tmp_path: Path) -> None:
    """A higher severity escalates at once, whoever rates it."""
    node = "- node: indexing\n"
    config = edited_config(tmp_path / "config", {})
    tree = config / "dependency_tree.yaml"
    lines = tree.read_text().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line.strip() == node.strip())
    indent = lines[at].index("-") + 2
    lines.insert(at + 1, " " * indent + "criticality: CRITICAL\n")
    tree.write_text("".join(lines))
    with ObserverProcess(tmp_path / "var", config=config, env=QUICK) as observer:
        event = {"stage": "indexing", "message": "Queue too deep", "session_id": "one"}
        observer.send({**event, "severity": "WARNING"})
        asked = observer.wait_for("one", "waiting_approval")["pending"][0]["id"]

        observer.send({**event, "message": "all gone"})

        assert observer.wait_for("one", "resolved", "escalated", "waiting_approval")
        while not pages(observer):
            assert observer.session("one")["status"] not in ("failed", "acknowledged")
        assert observer.get(f"/approvals/{asked}")["status"] == "withdrawn"
