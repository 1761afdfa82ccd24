"""The node that looks a known error up: only the incident's node, only recent lines."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver

from graph.build import build_graph, serializer
from observer.domain.runbook import Matching
from observer.gateway.replies import Reply
from tests.flows.hostile_world import World
from tests.observer_process import WARNING

LINE = "ERROR unexpected field 'legacy_id' in record 77"
MISSED = "no recent line of transformation matches its log pattern"
Play = Callable[..., dict[str, Any]]


def nothing(_prompt: str) -> AIMessage:
    answer = {"root_cause": "x", "verdict": "not_proven", "remedy": "none", "reading": "none"}
    return AIMessage(json.dumps(answer))


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    with asyncio.Runner() as runner:
        world = runner.run(World(tmp_path_factory.mktemp("look-up")).open())

        def to_the_end(*lines: str, **more: Any) -> dict[str, Any]:
            event = {**WARNING, "stage": more.pop("stage", "transformation")}
            return runner.run(world.play(event, nothing, lines=lines, **more)).state

        yield to_the_end
        runner.run(world.close())


def minutes_ago(minutes: float) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


def test_a_line_of_just_now_with_a_true_condition_is_known(play: Play) -> None:
    state = play(f"{minutes_ago(1)} {LINE}")
    assert state["known_error"] == "ke-legacy-id"
    assert state["near_misses"] == []


def test_an_old_line_is_no_match_whatever_the_metric_says(play: Play) -> None:
    """Case 88."""
    state = play(f"{minutes_ago(16)} {LINE}")
    assert state["known_error"] is None
    (miss,) = state["near_misses"]
    assert MISSED in miss
    assert "(0 read)" in miss
    assert "error_rate_pct is 3.2 (> 1) is true" in miss


def test_a_line_that_is_still_there_is_no_match_while_the_metric_is_fine(play: Play) -> None:
    """Case 88."""
    state = play(LINE, status="healthy")
    assert state["known_error"] is None
    assert state["near_misses"] == [
        "ke-legacy-id: log pattern matches but error_rate_pct is 0.1 (> 1) is false"
    ]


def test_the_same_line_on_another_node_is_novel_there(play: Play) -> None:
    state = play(LINE, stage="loading")
    assert state["known_error"] is None
    assert state["near_misses"] == ["1 known error about other nodes"]


def test_how_old_a_line_may_be_stands_in_the_runbook(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        world = runner.run(World(tmp_path).open())
        patient = world.configuration.runbook.model_copy(update={"matching": Matching(window=1800)})
        services = dataclasses.replace(world.services, runbook=patient)
        world.graph = build_graph(services, InMemorySaver(serde=serializer()))
        played = runner.run(world.play(WARNING, nothing, lines=(f"{minutes_ago(16)} {LINE}",)))
        runner.run(world.close())
    assert played.state["known_error"] == "ke-legacy-id"


def test_another_nodes_figure_does_not_make_the_condition_true(tmp_path: Path) -> None:
    """Case 28: the metric of this node was not observed, so the condition is unknown."""
    with asyncio.Runner() as runner:
        world = runner.run(World(tmp_path).open())
        real = world.mcp.call

        async def of_loading(tool: str, args: Mapping[str, Any]) -> Reply:
            reply = await real(tool, args)
            if tool == "get_stage_metrics" and reply.payload is not None:
                reply.payload["stage"] = "loading"
            return reply

        world.mcp.call = of_loading  # type: ignore[method-assign]
        played = runner.run(world.play(WARNING, nothing, lines=(LINE,)))
        runner.run(world.close())
    assert played.state["known_error"] is None
    (miss,) = played.state["near_misses"]
    assert miss.endswith("error_rate_pct was not observed is unknown")
