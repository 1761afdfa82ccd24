"""The graph walks the tree: from the promise that hurts to the ill node, and acts there."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.evidence import actions, config_with_dying_tools, doom, rows
from tests.flows.configs import Edits, edited_config
from tests.flows.scenes import STAGES, another, handle
from tests.observer_process import CRITICAL, WARNING, ObserverProcess

pytestmark = pytest.mark.slow
WALK: Edits = {"runbook.yaml": {"walk: []": "walk: [WARNING, CRITICAL]"}}
CHAIN = ["indexing", "loading", "validation", "transformation", "ingestion"]
PATH = "Path: pipeline_freshness → indexing → loading → validation → transformation"


@pytest.fixture(scope="module")
def observer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObserverProcess]:
    folder = tmp_path_factory.mktemp("walk")
    config = edited_config(folder / "config", WALK)
    with ObserverProcess(folder / "var", config=config) as started:
        yield started


def ill(observer: ObserverProcess, *stages: str) -> None:
    """The lab with exactly these stages degraded."""
    found = {**dict.fromkeys(STAGES, "healthy"), **dict.fromkeys(stages, "degraded")}
    state = observer.data_dir / "pipeline" / "pipeline_state.json"
    state.write_text(json.dumps({"stages": found}))


def looked_at(session: dict[str, Any]) -> list[str]:
    """The nodes of the walk, in order."""
    rows = [row for row in session["transitions"] if "/look/" in row["idempotency_key"]]
    return [row["args"]["stage"] for row in rows]


def done(observer: ObserverProcess, session: dict[str, Any]) -> list[tuple[str, str]]:
    """What was changed for a session, and where."""
    mine = [
        a for a in actions(observer.data_dir) if a["key"].split("/")[1] == session["session_id"]
    ]
    return [(a["action"], a["target"]) for a in mine if a["action"].startswith(("re", "clear"))]


def test_a_broken_promise_is_traced_to_the_ill_stage_which_is_healed_and_verified(
    observer: ObserverProcess,
) -> None:
    ill(observer, "transformation")

    session = handle(observer, another(stage="pipeline_freshness"))

    assert session["outcome"] == "resolved"
    assert looked_at(session) == CHAIN
    assert done(observer, session) == [("retry_failed_jobs", "transformation")]
    lines = session["report"].splitlines()
    assert PATH in lines
    assert "Cleared: validation: error_rate_pct is 0.1 (&lt; 1)" in lines
    assert "Stage: transformation" in lines


def test_an_alert_about_a_healthy_stage_is_acted_upon_where_the_ill_one_is(
    observer: ObserverProcess,
) -> None:
    ill(observer, "validation")

    session = handle(observer, another(CRITICAL))

    assert session["outcome"] == "resolved"
    assert looked_at(session) == ["loading", "validation", "transformation"]
    assert done(observer, session) == [("restart_stage", "validation")]


def test_a_promise_under_which_nothing_is_ill_is_a_persons_case_and_nothing_is_done(
    observer: ObserverProcess,
) -> None:
    ill(observer)

    session = handle(observer, another(stage="pipeline_freshness"))

    assert session["outcome"] == "escalated"
    assert done(observer, session) == []
    assert "Found: nothing that pipeline_freshness stands on is ill" in session["report"]


def test_a_walk_that_is_cut_by_a_crash_goes_on_below_the_last_look(tmp_path: Path) -> None:
    """Case 1: the looks that are recorded are not repeated."""
    config = config_with_dying_tools(tmp_path)
    walking = edited_config(tmp_path / "walking", WALK) / "runbook.yaml"
    shutil.copy(walking, config / "runbook.yaml")
    with ObserverProcess(tmp_path / "var", config=config) as observer:
        ill(observer, "transformation")
        doom(observer.data_dir, "get_stage_metrics", "before", skip=2)
        observer.send({**WARNING, "stage": "pipeline_freshness", "session_id": "cut"})
        assert observer.process is not None
        assert observer.process.wait(30) == -signal.SIGKILL
        before = rows(observer.data_dir, "SELECT timestamp FROM state_transitions ORDER BY id")

        observer.start()
        session = observer.wait_for("cut")

        assert session["outcome"] == "resolved"
        assert looked_at(session) == CHAIN
        assert [(row["timestamp"],) for row in session["transitions"]][:2] == before
        assert PATH in session["report"].splitlines()


def test_a_tree_whose_checks_no_tool_can_carry_out_is_refused_at_start(tmp_path: Path) -> None:
    row = "  find_action: {level: full, blast_radius: 1}"
    ruled = {row: f"{row}\n  check_health: {{level: full, blast_radius: 1}}"}
    edits: Edits = {**WALK, "autonomy.yaml": ruled}
    config = edited_config(tmp_path / "config", edits)
    tree = config / "dependency_tree.yaml"
    text = tree.read_text()
    tree.write_text(text.replace("{method: stage_metrics}", "{method: tcp_connect, port: 1}", 1))

    with ObserverProcess(tmp_path / "var", config=config).start(wait=False) as observer:
        assert observer.process is not None
        assert observer.process.wait(60) == 2

    assert "dependency_tree.yaml: no tool server offers check_health" in observer.log
