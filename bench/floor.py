"""The floor: a bare LangGraph graph of trivial nodes on the same SQLite saver settings."""

from __future__ import annotations

import asyncio
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from observer.records.sqlite_file import PRAGMAS


class Trivial(TypedDict):
    """One number."""

    count: int


@dataclass(frozen=True)
class Cost:
    """What one run costs."""

    wall_ms: float
    cpu_ms: float

    @property
    def per_second(self) -> float:
        """Runs a second, one after the other."""
        return 1000 / self.wall_ms


async def _run(nodes: int, runs: int) -> Cost:
    async def add_one(state: Trivial) -> Trivial:
        return {"count": state["count"] + 1}

    builder = StateGraph(Trivial)
    names = [f"node_{i}" for i in range(nodes)]
    for name in names:
        builder.add_node(name, add_one)
    for before, after in zip([START, *names], [*names, END], strict=True):
        builder.add_edge(before, after)
    with tempfile.TemporaryDirectory() as folder:
        async with aiosqlite.connect(Path(folder) / "checkpoints.db") as connection:
            for pragma in PRAGMAS:
                await connection.execute(pragma)
            saver = AsyncSqliteSaver(connection)
            await saver.setup()
            graph = builder.compile(checkpointer=saver)

            async def once() -> None:
                thread: RunnableConfig = {"configurable": {"thread_id": str(uuid.uuid4())}}
                await graph.ainvoke({"count": 0}, thread, durability="sync")

            for _ in range(5):
                await once()
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(runs):
                await once()
            return Cost(
                (time.perf_counter() - wall) * 1000 / runs,
                (time.process_time() - cpu) * 1000 / runs,
            )


def floor(nodes: int, runs: int = 100) -> Cost:
    """The cost of one run of so many trivial nodes."""
    return asyncio.run(_run(nodes, runs))
