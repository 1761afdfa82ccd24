"""What goes on under a hold: what has begun, and a CRITICAL, whatever stands before it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.flows.configs import edited_config
from tests.flows.scenes import pages
from tests.observer_process import APPROVAL, CRITICAL, ObserverProcess
from tests.stack.part import wait_until

pytestmark = pytest.mark.slow

RANK = "- node: loading\n            criticality: CRITICAL\n"
STAGE_OF_RANK = {"dependency_tree.yaml": {"- node: loading\n": RANK}}


def freeze(data_dir: Path) -> None:
    """As a process left it that had frozen the tenant."""
    with closing(sqlite3.connect(data_dir / "observer.db")) as connection, connection:
        connection.execute(
            "INSERT INTO holds VALUES ('default', 'health', 'a run was stuck', ?)", (time.time(),)
        )


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "var"


def test_an_answer_under_a_freeze_is_taken_up_and_nothing_is_done(data_dir: Path) -> None:
    """Guarantees 5 and 7: nor does it keep a CRITICAL of its session waiting."""
    with ObserverProcess(data_dir) as observer:
        session = observer.send(APPROVAL)
        observer.wait_for(session, "waiting_approval")
        observer.kill()
    freeze(data_dir)
    with ObserverProcess(data_dir) as observer:
        assert observer.answer(session, {"type": "approve"}).status_code == 202
        told = observer.wait_for(session)
        assert told["outcome"] == "escalated"
        done = [row["tool_name"] for row in told["transitions"] if row["status"] == "done"]
        assert "clear_queue" not in done
        assert json.dumps(told).count("a run was stuck")
        before = len(pages(observer))
        observer.send({**CRITICAL, "session_id": session, "stage": APPROVAL["stage"]})
        wait_until(lambda: len(pages(observer)) == before + 1, "on-call is paged")


def test_a_critical_by_its_nodes_rank_overtakes_a_held_warning_of_its_session(
    data_dir: Path, tmp_path: Path
) -> None:
    config = edited_config(tmp_path / "config", STAGE_OF_RANK)
    event = {"stage": "loading", "message": "nobody says how bad", "session_id": "s-1"}
    with ObserverProcess(data_dir, config=config) as observer:
        observer.kill()
    freeze(data_dir)
    with ObserverProcess(data_dir, config=config) as observer:
        observer.send({**event, "severity": "WARNING", "event_id": "held"})
        observer.wait_for("s-1", "suspended")
        assert pages(observer) == []
        observer.send({**event, "event_id": "woken"})
        wait_until(lambda: len(pages(observer)) == 1, "on-call is paged")
