"""Joined alerts under whatever happens to the runs they wait for."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observer.records.events import StoredEvent
from tests.unit.intake_world import World
from tests.unit.test_joining import CONSUMER, METRIC, OPEN, REDIS, TREE, fire, queued

pytestmark = pytest.mark.slow
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("fire"),
            st.sampled_from([METRIC, CONSUMER, REDIS]),
            st.sampled_from(["warning", "critical", "none of these"]),
        ),
        st.tuples(st.just("work"), st.sampled_from(["done", "again", "dead", "crash"])),
    ),
    min_size=5,
    max_size=25,
)


@settings(max_examples=30)
@given(STEPS)
def test_whatever_happens_every_alert_is_looked_into_by_a_run_that_began_after_it_came(
    steps: list[tuple[Any, ...]],
) -> None:
    """Deliveries between runs that end, fail, are given up and are cut by a crash."""
    asyncio.run(_play(steps))


async def _play(steps: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), TREE, join="branch")
        await world.database.open()
        moments = itertools.count(int(OPEN))
        with mock.patch.object(time, "time", lambda: float(next(moments))):
            for number, step in enumerate(steps):
                if step[0] == "fire":
                    await fire(world, {**step[1], "severity": step[2]}, name=str(number))
                elif waiting := await queued(world):
                    await _work(world, waiting[0], step[1], f"t-{number}")
            for number in range(len(steps)):
                if waiting := await queued(world):
                    await _work(world, waiting[0], "done", f"end-{number}")
        await _check(world)
        await world.database.close()


async def _work(world: World, stored: StoredEvent, how: str, trace: str) -> None:
    await world.sessions.begin_run(stored, trace)
    if how == "crash":
        return
    status = {"done": "done", "again": "queued", "dead": "dead"}[how]
    run = "done" if how == "done" else "failed"
    await world.database.write(
        lambda c: world.sessions.end_run(
            c, stored, trace, run_status=run, event_status=status, session_status="resolved"
        )
    )


async def _check(world: World) -> None:
    assert await queued(world) == []
    rows = await world.database.read(
        lambda c: c.execute(
            "SELECT event_key, status, joined_to, accepted_at FROM events"
        ).fetchall()
    )
    runs = await world.database.read(
        lambda c: dict(
            c.execute("SELECT event_key, min(started_at) FROM runs GROUP BY event_key").fetchall()
        )
    )
    status = {row["event_key"]: row["status"] for row in rows}
    for row in rows:
        looked_into_with = row["joined_to"] or row["event_key"]
        assert runs[looked_into_with] > row["accepted_at"]
        assert status[looked_into_with] in ("done", "dead")
