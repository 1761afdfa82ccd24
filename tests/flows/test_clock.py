"""Cases 21 and 22: the wall clock jumps, and nothing is early, late, twice or negative for it."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from langchain_core.messages import AIMessage

from observer.domain.calls import Call, Run
from observer.domain.event import Incident, Severity
from observer.worker.requeue import Requeue
from tests.flows.hostile_world import World

pytestmark = pytest.mark.asyncio

HOUR = 3600.0
WARNING = {"severity": "WARNING", "stage": "transformation", "message": "Error rate elevated"}
RETRY = {"root_cause": "?", "verdict": "proven", "remedy": "retry_failed_jobs", "reading": "none"}


class WallClock:
    """Time of day that can be set; the monotonic clock goes on as always."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.offset = 0.0
        real, real_ns = time.time, time.time_ns
        monkeypatch.setattr(time, "time", lambda: real() + self.offset)
        monkeypatch.setattr(time, "time_ns", lambda: real_ns() + int(self.offset * 1e9))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    return WallClock(monkeypatch)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    opened = await World(tmp_path).open()
    yield opened
    await opened.close()


@pytest.mark.parametrize("at", range(6))
async def test_a_clock_set_back_in_the_middle_of_a_run_changes_neither_its_calls_nor_its_end(
    world: World, clock: WallClock, at: int
) -> None:
    """Case 21: back by an hour before the n-th tool call; no span took less than no time."""
    calm = await world.play(WARNING, lambda _: AIMessage(json.dumps(RETRY)))
    assert len(calm.calls) > at
    numbers, real = itertools.count(), world.mcp.call

    async def call(tool: str, args: Any) -> Any:
        if next(numbers) == at:
            clock.offset = -HOUR
        return await real(tool, args)

    world.mcp.call = call  # type: ignore[method-assign]
    jumped = await world.play(WARNING, lambda _: AIMessage(json.dumps(RETRY)))
    await world.services.spans.flush()

    assert jumped.tools == calm.tools
    assert jumped.state["outcome"] == calm.state["outcome"] == "resolved"
    records = await world.database.read(
        lambda c: [json.loads(row[0]) for row in c.execute("SELECT record FROM spans")]
    )
    assert records
    assert min(record["latency_ms"] for record in records) >= 0


@pytest.mark.parametrize(("later", "looks"), [(0.0, 1), (14 * 60.0, 1), (16 * 60.0, 2)])
async def test_a_resumed_run_trusts_what_it_read_lately_and_looks_again_at_what_is_old(
    world: World, clock: WallClock, later: float, looks: int
) -> None:
    """Seed 001, step 2: read transitions are not repeated unless older than the configured age."""
    incident = Incident("t", "s", "e", "k", "loading", "slow", Severity.WARNING, "", "f")
    run = Run(incident=incident, trace_id="t", step=1, span_id="s", resumed=True)
    call = Call("get_stage_metrics", {"stage": "loading"})
    first = await world.dispatcher.read(call, key="k/read", run=run)

    clock.offset = later
    again = await world.dispatcher.read(call, key="k/read", run=run)

    assert (again.status, again.summary) == (first.status, first.summary)
    assert len(world.mcp.calls) == looks


class Queue:
    """What was put, with how often."""

    def __init__(self) -> None:
        self.puts: list[str] = []
        self.put_one = asyncio.Event()

    async def put(self, item: dict[str, Any], **_: Any) -> None:
        self.puts.append(item["approval_id"])
        self.put_one.set()


async def test_a_day_later_every_question_expires_once_and_none_before(
    world: World, clock: WallClock
) -> None:
    """Case 22: nobody answered in time, so the answers that no run took up are rejections."""
    approvals = world.services.approvals
    names = [f"ap-{i}" for i in range(3)]
    for name in names:
        await approvals.ask(
            name,
            Incident("t", name, name, name, "indexing", "deep", Severity.WARNING, "", "f"),
            fingerprint="f",
            request={"action_requests": [{"name": "clear_queue", "args": {}, "description": ""}]},
            impact=[],
            deadline_s=4 * HOUR,
        )
    doors: Any = SimpleNamespace(
        sessions=None,
        events=SimpleNamespace(left_over=_nothing),
        approvals=approvals,
        tree=world.services.tree,
    )
    queue: Any = Queue()
    requeue = Requeue(doors, queue)
    requeue.start()
    try:
        await asyncio.sleep(0.05)
        assert queue.puts == []
        assert {approval.id for approval in await approvals.pending()} == set(names)

        clock.offset = 24 * HOUR
        requeue.asked()
        await asyncio.wait_for(queue.put_one.wait(), 5)
        await asyncio.sleep(0.05)
    finally:
        requeue.stop()

    assert queue.puts == names
    assert {(await approvals.get(name)).status for name in names} == {"expired"}
    for name in names:
        (decision,) = ((await approvals.get(name)).answer or {})["decisions"]
        assert decision["type"] == "reject"


async def _nothing() -> list[Any]:
    return []
