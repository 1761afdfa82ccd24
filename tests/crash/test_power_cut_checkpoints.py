"""The power goes while LangGraph checkpoints: a run goes on behind its last finished step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from graph.build import serializer
from observer.records import checkpoints
from observer.records.checkpoints import open_checkpoints
from observer.records.data_dir import DataDir
from tests.doubles.forgetful_disk import ForgetfulDisk, Image, Moment, put_back
from tests.doubles.sqlite_on_disk import sqlite_on

pytestmark = pytest.mark.slow

STEPS = 8
THREADS = ("first", "second")


class Counting(TypedDict):
    steps: int


def _graph(saver: BaseCheckpointSaver[Any], begun: Callable[[int], None]) -> Any:
    def step(state: Counting) -> dict[str, int]:
        begun(state["steps"])
        return {"steps": state["steps"] + 1}

    builder = StateGraph(Counting)
    builder.add_node("step", step)
    builder.add_edge(START, "step")
    builder.add_conditional_edges("step", lambda state: END if state["steps"] == STEPS else "step")
    return builder.compile(checkpointer=saver)


def _config(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}


async def _run(folder: Path, disk: ForgetfulDisk) -> None:
    """A step that begins may rely on all steps before it."""
    for thread in THREADS:
        async with open_checkpoints(DataDir(folder).checkpoints, serializer()) as saver:
            graph = _graph(saver, lambda done, of=thread: disk.acknowledge((of, done)))
            await graph.ainvoke({"steps": 0}, _config(thread), durability="sync")
            disk.acknowledge((thread, STEPS))


def _recorded(folder: Path) -> ForgetfulDisk:
    disk = ForgetfulDisk()
    with sqlite_on(disk):
        asyncio.run(_run(folder, disk))
    return disk


async def _steps(folder: Path) -> dict[str, int]:
    """How far each thread is, as the next start sees it."""
    async with open_checkpoints(DataDir(folder).checkpoints, serializer()) as saver:
        graph = _graph(saver, lambda _: None)
        states = {thread: await graph.aget_state(_config(thread)) for thread in THREADS}
    return {thread: state.values.get("steps", -1) for thread, state in states.items()}


def _lost(
    disk: ForgetfulDisk, folder: Path, image_of: Callable[[Moment], Image]
) -> list[tuple[int, str]]:
    async def look() -> list[tuple[int, str]]:
        lost: list[tuple[int, str]] = []
        for moment in disk.moments():
            put_back(image_of(moment), folder)
            found = await _steps(folder)
            promised = [(thread, done) for thread, done in moment.acknowledged]
            lost += [(moment.number, thread) for thread, done in promised if found[thread] < done]
        return lost

    folder.mkdir()
    return asyncio.run(look())


@pytest.mark.parametrize("seed", [None, 1])
def test_power_cut_at_every_sync_loses_no_step_that_another_built_on(
    tmp_path: Path, seed: int | None
) -> None:
    """Case 8: with what was synced alone, and with some of the rest, torn."""
    disk = _recorded(tmp_path)
    random = Random(seed)
    image_of = Moment.synced_only if seed is None else lambda moment: moment.some(random)
    assert _lost(disk, tmp_path / "after", image_of) == []


def test_the_same_power_cut_with_synchronous_normal_loses_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 8: so the test above can fail."""
    normal = [pragma.replace("FULL", "NORMAL") for pragma in checkpoints.PRAGMAS]
    monkeypatch.setattr(checkpoints, "PRAGMAS", normal)
    assert _lost(_recorded(tmp_path), tmp_path / "after", Moment.synced_only) != []
