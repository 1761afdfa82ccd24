"""Coverage is structural: each call has its one span, and a span that lacks a tag ends the run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from langchain_core.messages import AIMessage

from observer.domain.span import MissingTag
from observer.errors import RecordsUnavailable, StepFailed
from tests.flows.hostile_world import Played, World

pytestmark = pytest.mark.asyncio

EVENTS = [
    pytest.param({"severity": "WARNING", "stage": "transformation"}, id="retried"),
    pytest.param({"severity": "CRITICAL", "stage": "loading"}, id="critical"),
    pytest.param({"severity": "WARNING", "stage": "indexing"}, id="asks a person"),
    pytest.param({"severity": "INFO", "stage": "ingestion"}, id="acknowledged"),
]
REMEDIES = {"transformation": "retry_failed_jobs", "loading": "restart_stage"}


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    opened = await World(tmp_path).open()
    yield opened
    await opened.close()


async def play(world: World, event: dict[str, Any]) -> Played:
    answer = {
        "root_cause": "?",
        "verdict": "proven",
        "remedy": REMEDIES.get(event["stage"], "clear_queue"),
        "reading": "none",
    }
    played = await world.play(
        {**event, "message": "it broke"}, lambda _: AIMessage(json.dumps(answer))
    )
    await world.services.spans.flush()
    return played


async def spans(world: World) -> list[dict[str, Any]]:
    rows = await world.database.read(
        lambda c: c.execute("SELECT record FROM spans ORDER BY id").fetchall()
    )
    return [json.loads(row["record"]) for row in rows]


def raw(folder: Path) -> bytes:
    """The records' files as they lie on the disk."""
    return b"".join(path.read_bytes() for path in folder.glob("observer.db*"))


@pytest.mark.parametrize("event", EVENTS)
async def test_each_tool_call_has_exactly_one_span(world: World, event: dict[str, Any]) -> None:
    """Case 41: the tool servers, the ledger and the spans tell of the same calls."""
    played = await play(world, event)

    found = [span for span in await spans(world) if span["span_kind"] == "tool_call"]
    rows = await world.database.read(
        lambda c: c.execute("SELECT tool_name FROM state_transitions").fetchall()
    )
    assert Counter(span["tool_name"] for span in found) == Counter(played.tools)
    assert Counter(row["tool_name"] for row in rows) == Counter(played.tools)
    assert bool(played.tools) is (event["severity"] != "INFO")


@pytest.mark.parametrize("event", EVENTS)
async def test_every_call_is_a_child_of_the_step_that_made_it(
    world: World, event: dict[str, Any]
) -> None:
    """Case 42: parallel looks share their step_index; each is below a step of its own."""
    await play(world, event)

    found = await spans(world)
    steps = {s["span_id"]: s for s in found if s["span_kind"] == "agent_step"}
    calls = [span for span in found if span["span_kind"] != "agent_step"]
    assert len({span["span_id"] for span in found}) == len(found)
    assert [steps[c["parent_span_id"]]["step_index"] for c in calls] == [
        c["step_index"] for c in calls
    ]
    looks = [c for c in calls if steps[c["parent_span_id"]]["name"] == "observe"]
    assert len({look["parent_span_id"] for look in looks}) == len(looks)
    planned = {
        (look["step_index"], steps[look["parent_span_id"]]["parent_span_id"]) for look in looks
    }
    assert len(planned) == len({look["step_index"] for look in looks})


async def test_a_span_that_lacks_a_tag_ends_the_run_loudly(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 40: a tool whose version nobody knows."""
    monkeypatch.setattr(world.mcp, "version", lambda tool: "")

    with pytest.raises(MissingTag, match="a tool_call span needs tool_version"):
        await play(world, {"severity": "WARNING", "stage": "transformation"})


async def test_what_a_step_fails_with_is_written_nowhere_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Case 48: the exception's text; the checkpointer writes down what a node raises."""

    async def fails(tool: str, args: Any) -> Any:
        raise RuntimeError("postgresql://etl:k3yst0ne-77@warehouse/prod is away")

    monkeypatch.setattr(world.mcp, "call", fails)
    with pytest.raises(StepFailed) as raised:
        await play(world, {"severity": "WARNING", "stage": "transformation"})
    await world.services.spans.flush()

    assert "warehouse/prod is away" in str(raised.value)
    written = raw(tmp_path)
    assert b"warehouse/prod is away" in written
    assert b"k3yst0ne-77" not in written + str(raised.value).encode()
    [step] = [span for span in await spans(world) if span["result_status"] == "error"][:1]
    assert step["redacted"]


async def test_an_error_of_ours_stays_what_it_is_when_its_words_are_cleaned(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its kind the worker decides what follows; the words go where everything goes."""

    async def fails(tool: str, args: Any) -> Any:
        raise RecordsUnavailable("/backup of jane.doe@example.com/observer.db is full")

    monkeypatch.setattr(world.mcp, "call", fails)
    with pytest.raises(RecordsUnavailable, match="is full") as raised:
        await play(world, {"severity": "WARNING", "stage": "transformation"})

    assert "jane.doe" not in str(raised.value)
