"""Cases 1 to 3: kill -9 around every tool call of a run; the end is as without the crash."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.evidence import (
    ROUNDS,
    actions,
    alive,
    config_with_dying_tools,
    doom,
    journal_faults,
    journal_lines,
    until,
)
from tests.observer_process import CRITICAL, WARNING, ObserverProcess

pytestmark = pytest.mark.slow

# tool, how many calls of it go before, when the daemon is killed
READ_POINTS = [
    ("CRITICAL", "get_stage_metrics", 0, "after"),
    ("CRITICAL", "get_stage_metrics", 1, "after"),
    ("WARNING", "get_stage_metrics", 0, "after"),
    ("WARNING", "get_recent_errors", 0, "before"),
]
CRITICAL_POINTS = [
    ("check_pipeline_health", 0, "after"),
    ("restart_stage", 0, "before"),
    ("restart_stage", 0, "after"),
    ("create_incident", 0, "before"),
    ("create_incident", 0, "after"),
    ("page_oncall", 0, "before"),
    ("page_oncall", 0, "after"),
    ("send_slack_alert", 0, "before"),
    ("send_slack_alert", 0, "after"),
]
WARNING_POINTS = [
    ("retry_failed_jobs", 0, "before"),
    ("retry_failed_jobs", 0, "after"),
    ("get_stage_metrics", 1, "before"),
    ("create_incident", 0, "before"),
    ("create_incident", 0, "after"),
    ("send_slack_alert", 0, "before"),
    ("send_slack_alert", 0, "after"),
]
POINTS = [
    *(("CRITICAL", *point) for point in CRITICAL_POINTS),
    *(("WARNING", *point) for point in WARNING_POINTS),
    *(READ_POINTS if ROUNDS > 2 else []),
]
EVENTS = {"CRITICAL": CRITICAL, "WARNING": WARNING}


class World:
    """One data directory through all the crashes; the stages are ill again for each event."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "var"
        self.config = config_with_dying_tools(folder)
        self.observer = self.start()
        self.calm = {severity: self.handle(severity, f"calm-{severity}") for severity in EVENTS}

    def start(self) -> ObserverProcess:
        return ObserverProcess(self.data_dir, config=self.config).start()

    def handle(self, severity: str, session: str) -> dict[str, Any]:
        """One event from its arrival to its end, through the ordered death if there is one."""
        state = self.data_dir / "pipeline" / "pipeline_state.json"
        stages = json.loads(state.read_text())["stages"]
        ill = {**dict.fromkeys(stages, "healthy"), EVENTS[severity]["stage"]: "degraded"}
        state.write_text(json.dumps({"stages": ill}))
        before = {name: len(self.observer.pipeline(name)) for name in ("incidents", "alerts")}
        self.observer.send({**EVENTS[severity], "session_id": session})
        if (self.data_dir / "pipeline" / "doom.json").exists():
            process = self.observer.process
            assert process is not None
            assert process.wait(30) == -signal.SIGKILL
            self.observer = self.start()
        shown = self.observer.wait_for(session)
        return {
            "status": shown["status"],
            "stages": self.observer.pipeline("pipeline_state")["stages"],
            "ledger": [(t["tool_name"], t["status"]) for t in shown["transitions"]],
            "actions": [
                action["action"]
                for action in actions(self.data_dir)
                if action["key"].split("/")[1] == session
            ],
            **{name: _plain(self.observer.pipeline(name)[n:]) for name, n in before.items()},
        }


def _plain(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the backend's numbers and times, which count up from event to event.

    Nor how long it took, nor the incidents before it: there are more of them at every crash.
    """
    kept = [{k: _told(v) for k, v in i.items() if k not in _PASSING} for i in items]
    return json.loads(re.sub(r"\b(INC|AL|rs|PD)-\d+", r"\1-n", json.dumps(kept)))


_PASSING = ("id", "created_at", "sent_at")


def _told(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return "\n".join(s for s in value.split("\n") if not s.startswith(("Took: ", "Similar: ")))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two calm runs to compare with, then crash after crash."""
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.observer.kill()


@pytest.mark.parametrize(("severity", "tool", "skip", "when"), POINTS)
def test_killed_around_a_call_ends_as_without_the_crash(
    world: World, severity: str, tool: str, skip: int, when: str
) -> None:
    """Case 1: same tickets, same messages, same stages, each action once."""
    doom(world.data_dir, tool, when, skip=skip)

    ended = world.handle(severity, f"{severity}-{tool}-{skip}-{when}")

    calm = world.calm[severity]
    assert {k: v for k, v in ended.items() if k != "ledger"} == {
        k: v for k, v in calm.items() if k != "ledger"
    }
    assert sorted(ended["ledger"]) == sorted(calm["ledger"])


def test_killed_three_times_in_a_row_while_resuming(world: World) -> None:
    """Case 3: dies after the effect, then twice more while it looks that effect up."""
    session = "thrice"
    doom(world.data_dir, "restart_stage", "after")
    world.observer.send({**CRITICAL, "session_id": session})
    for when in ("before", "after"):
        assert world.observer.process is not None
        assert world.observer.process.wait(30) == -signal.SIGKILL
        doom(world.data_dir, "find_action", when)
        world.observer = world.start()
    assert world.observer.process is not None
    assert world.observer.process.wait(30) == -signal.SIGKILL
    world.observer = world.start()

    shown = world.observer.wait_for(session)

    assert shown["status"] == "resolved"
    done = [a["action"] for a in actions(world.data_dir) if a["key"].split("/")[1] == session]
    assert done == world.calm["CRITICAL"]["actions"]
    assert [r["status"] for r in shown["runs"]] == ["interrupted"] * 3 + ["done"]


def test_a_tool_server_that_outlives_its_daemon_and_acts_late_changes_nothing(
    world: World,
) -> None:
    """Case 1: the orphan restarts the stage after the survivor did, under the same key."""
    session, folder = "orphan", world.data_dir / "pipeline"
    doom(world.data_dir, "restart_stage", "orphan")
    world.observer.send({**CRITICAL, "session_id": session})
    assert world.observer.process is not None
    assert world.observer.process.wait(30) == -signal.SIGKILL
    orphan = int((folder / "doom.orphan").read_text())
    world.observer = world.start()
    shown = world.observer.wait_for(session)
    assert shown["status"] == "resolved"

    (folder / "doom.release").touch()
    until(lambda: not alive(orphan), "the orphan is done")

    done = [a["action"] for a in actions(world.data_dir) if a["key"].split("/")[1] == session]
    assert done == world.calm["CRITICAL"]["actions"]


def test_the_journal_of_all_those_crashes_verifies(world: World) -> None:
    """Cases 1 and 14: no gap, no line twice, every hash right, after about 20 crashes."""
    world.observer.kill()
    assert journal_faults(world.data_dir) == []
    assert len(journal_lines(world.data_dir)) > 100
    world.observer = world.start()
    world.observer.wait_until_idle()
    assert world.observer.terminate() == 0, world.observer.log
    assert journal_faults(world.data_dir) == []
    world.observer = world.start()
