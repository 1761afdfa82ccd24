"""A fix that was new: learned as a proposal, inert until accepted, then used without a model."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver

from graph.build import build_graph, serializer
from observer.records.memory import Memory
from tests.flows.hostile_world import Played, World
from tests.observer_process import WARNING

pytestmark = pytest.mark.slow

LEASE = ("12:00:01 ERROR Worker 7 lost its lease on shard 12",)
LATER = ("13:30:59 ERROR Worker 23 lost its lease on shard 4",)
PATTERN = r"(?:^|\s)ERROR Worker \S+ lost its lease on shard(?:\s|$)"
LEGACY = ("ERROR unexpected field 'legacy_id' in record 77",)


class Scene:
    """Plays events in one world and counts what the model was asked."""

    def __init__(self, folder: Path) -> None:
        self.runner = asyncio.Runner()
        self.world = self.runner.run(World(folder).open())
        self.asked = 0

    def play(
        self, lines: tuple[str, ...], remedy: str = "retry_failed_jobs", **more: Any
    ) -> Played:
        def says(_prompt: str) -> AIMessage:
            self.asked += 1
            answer = {
                "root_cause": "a shard lost\nits lease",
                "verdict": "proven",
                "remedy": remedy,
                "reading": "none",
            }
            return AIMessage(json.dumps(answer))

        event = {**WARNING, "stage": more.pop("stage", "transformation")}
        return self.runner.run(self.world.play(event, says, lines=lines, **more))

    def known_errors(self, status: str | None = None) -> list[dict[str, Any]]:
        return self.runner.run(self.world.services.learned.list(status))

    def accept(self, known_error: str) -> None:
        self.runner.run(self.world.services.learned.accept(known_error, "ada"))

    def unhealing(self) -> None:
        """From now on no remedy helps."""
        real = self.world.mcp.call

        async def call(tool: str, args: Any) -> Any:
            reply = await real(tool, args)
            self.world.mcp.status = "degraded"
            return reply

        self.world.mcp.call = call  # type: ignore[method-assign]

    def close(self) -> None:
        self.runner.run(self.world.close())
        self.runner.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.close()


def test_a_new_fix_is_proposed_then_inert_and_after_a_persons_word_used_without_a_model(
    scene: Scene,
) -> None:
    first = scene.play(LEASE)
    assert first.state["outcome"] == "resolved"
    (proposed,) = scene.known_errors("proposed")
    assert proposed["entry"]["signature"] == {
        "log_pattern": PATTERN,
        "node": "transformation",
        "metric_condition": "error_rate_pct >= 1",
    }
    assert proposed["entry"]["root_cause"] == "a shard lost its lease"
    (step, check) = proposed["entry"]["fix"]["steps"]
    assert step == {
        "action": "retry_failed_jobs",
        "args": {"stage": "transformation", "max_retries": 3},
    }
    assert (check["action"], check["check"]) == ("verify", "error_rate_pct < 1")
    assert proposed["session_id"] == "s-0"
    assert f"Learned: {proposed['id']} is proposed" in first.state["report"]

    second = scene.play(LATER)
    assert second.state["known_error"] is None
    assert scene.asked == 2
    (proposed,) = scene.known_errors("proposed")
    assert proposed["entry"]["occurrence_count"] == 2

    scene.accept(proposed["id"])
    third = scene.play(LATER)

    assert scene.asked == 2
    assert third.state["known_error"] == proposed["id"]
    assert third.state["outcome"] == "resolved"
    assert [call for call in third.calls if call[0] == step["action"]] == [
        (step["action"], step["args"])
    ]
    shown = next(one for one in scene.known_errors() if one["id"] == proposed["id"])
    assert shown["entry"]["occurrence_count"] == 3
    assert shown["entry"]["resolution_time_avg"].endswith("ms")


def test_another_fix_of_the_same_signature_leaves_the_proposal_as_it_is(scene: Scene) -> None:
    scene.play(LEASE)
    (before,) = scene.known_errors("proposed")
    played = scene.play(LATER, remedy="restart_stage")
    assert played.state["outcome"] == "resolved"
    assert "is proposed with another fix" in played.state["report"]
    assert scene.known_errors("proposed") == [before]


def test_nothing_is_learned_of_what_did_not_help(scene: Scene) -> None:
    """Case 31."""
    scene.unhealing()
    played = scene.play(LEASE)
    assert played.state["outcome"] == "escalated"
    assert scene.known_errors("proposed") == []


def test_a_line_of_a_healthy_node_is_never_part_of_a_signature(scene: Scene) -> None:
    slow = "retrying slow request 17"
    scene.play((slow, slow), status="healthy")
    assert scene.known_errors("proposed") == []
    scene.play((slow, slow, *LEASE))
    (proposed,) = scene.known_errors("proposed")
    assert proposed["entry"]["signature"]["log_pattern"] == PATTERN


@pytest.mark.parametrize("line", [".*", "ERROR 17", "** ** **"])
def test_lines_of_an_attacker_that_say_nothing_teach_nothing(scene: Scene, line: str) -> None:
    """Case 69."""
    played = scene.play((line,))
    assert played.state["outcome"] == "resolved"
    assert "no log line tells this error from a healthy day" in played.state["report"]
    assert scene.known_errors("proposed") == []


def test_a_fix_that_fails_again_and_again_is_retired_and_people_are_told(scene: Scene) -> None:
    """Case 31: and its known error counts no occurrence."""
    scene.unhealing()
    told = "ke-legacy-id is retired from automatic use: its fix failed 2 times"
    first = scene.play(LEGACY)
    assert first.state["known_error"] == "ke-legacy-id"
    assert told not in first.state["report"]

    second = scene.play(LEGACY)
    assert told in second.state["report"].splitlines()
    (ticket,) = [args for tool, args in second.calls if tool == "create_incident"]
    assert told in ticket["description"].splitlines()

    third = scene.play(LEGACY)
    assert third.state["known_error"] is None
    assert told in third.state["near_misses"]
    (filed,) = scene.known_errors("retired")
    assert (filed["entry"]["occurrence_count"], filed["failures"]) == (0, 2)


def test_how_many_failures_are_too_many_is_configured(scene: Scene) -> None:
    services = scene.world.services
    strict = Memory(
        services.database, services.journal, services.configuration.known_errors, retire_after=1
    )
    scene.world.graph = build_graph(
        dataclasses.replace(services, memory=strict), InMemorySaver(serde=serializer())
    )
    scene.unhealing()
    scene.play(LEGACY)
    assert strict.index.why_retired("ke-legacy-id") == "its fix failed 1 time"


def test_people_and_the_model_read_what_happened_before_and_what_fixed_it(scene: Scene) -> None:
    prompts: list[str] = []

    def says(prompt: str) -> AIMessage:
        prompts.append(prompt)
        answer = {
            "root_cause": "x",
            "verdict": "proven",
            "remedy": "clear_queue",
            "reading": "none",
        }
        return AIMessage(json.dumps(answer))

    first = scene.play(LEASE)
    assert "Similar" not in first.state["report"]

    second = scene.runner.run(scene.world.play(WARNING, says, lines=LATER))

    today = datetime.now(UTC).date().isoformat()
    line = f"{today} transformation: a shard lost its lease; retry_failed_jobs held 1 of 1"
    fence = prompts[0].split("tag ")[1].split(".")[0].strip("`")
    inside = prompts[0].split(f"\n{fence}\n")[1]
    assert f"Similar, earlier: {line}" in inside
    assert second.asked_a_person
    (question,) = scene.runner.run(scene.world.services.approvals.pending(session_id="s-1"))
    assert question.as_json()["similar"] == [line]
    slack = next(args for tool, args in second.calls if tool == "send_slack_alert")
    assert slack["channel"] == "#data-pipeline"

    third = scene.play(LATER)
    assert f"Similar: {line}" in third.state["report"].splitlines()
    (ticket,) = [args for tool, args in third.calls if tool == "create_incident"]
    assert f"Similar: {line}" in ticket["description"].splitlines()


def test_another_tenant_reads_nothing_of_it(scene: Scene) -> None:
    """Guarantee 12."""
    scene.play(LEASE)
    event = {**WARNING, "tenant_id": "b"}

    def says(prompt: str) -> AIMessage:
        assert "Similar" not in prompt
        return AIMessage("{}")

    played = scene.runner.run(scene.world.play(event, says, lines=LATER))
    assert "Similar" not in played.state["report"]


def test_the_prompt_is_as_long_at_the_twelfth_incident_as_at_the_fifth(scene: Scene) -> None:
    lengths: list[int] = []

    def says(prompt: str) -> AIMessage:
        lengths.append(len(prompt))
        answer = {
            "root_cause": "a shard lost its lease",
            "verdict": "proven",
            "remedy": "retry_failed_jobs",
            "reading": "none",
        }
        return AIMessage(json.dumps(answer))

    for _ in range(12):
        scene.runner.run(scene.world.play(WARNING, says, lines=LEASE))
    assert len(lengths) == 12
    assert len(set(lengths[4:])) == 1
