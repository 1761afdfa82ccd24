"""Gatus numbers nothing: the intake counts its occurrences, and loses none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from observer.intake import Accepted
from tests.unit.intake_world import WINDOW, World
from tests.unit.test_gatus_source import delivery, parse

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    made = World(tmp_path)
    monkeypatch.setattr(time, "time", lambda: made.now)
    await made.database.open()
    yield made
    await made.database.close()


async def gatus(world: World, **changes: Any) -> Accepted:
    payload = delivery(**changes)
    (accepted,) = await world.intake.accept("gatus", parse(payload), str(payload).encode())
    return accepted


async def test_it_is_about_the_metric_that_names_its_check(world: World) -> None:
    await gatus(world)
    await gatus(world, name="Else")
    stages = [item["event"]["stage"] for item in world.inbox.items.values()]
    assert stages == ["freshness", "Else"]


async def test_a_reminder_is_the_same_event_while_its_session_is_open(world: World) -> None:
    first = await gatus(world)
    world.now += 100 * WINDOW
    again = await gatus(world, errors="other words")
    assert again == Accepted(first.event_id, first.session_id, duplicate=True)


async def test_a_failure_right_after_the_end_is_a_new_event_though_its_body_is_the_same(
    world: World,
) -> None:
    first = await gatus(world)
    over = await gatus(world, status="RESOLVED")
    again = await gatus(world)
    over_again = await gatus(world, status="RESOLVED")
    assert (over.session_id, over.duplicate) == (first.session_id, False)
    assert (again.duplicate, over_again.duplicate) == (False, False)
    assert len({first.event_id, over.event_id, again.event_id, over_again.event_id}) == 4
    assert len(world.inbox.items) == 2


async def test_an_end_that_is_told_twice_is_told_once(world: World) -> None:
    await gatus(world)
    over = await gatus(world, status="RESOLVED")
    assert await gatus(world, status="RESOLVED") == Accepted(over.event_id, over.session_id, True)


async def test_a_failure_after_an_end_that_nobody_told_is_a_new_event(world: World) -> None:
    first = await gatus(world)
    await world.end(first.session_id)
    assert (await gatus(world)).duplicate, "sent again by a gateway between us"
    world.now += WINDOW + 1
    later = await gatus(world)
    assert not later.duplicate
    assert later.session_id != first.session_id


async def test_an_end_ends_the_occurrences_before_it_whose_end_nobody_told(world: World) -> None:
    first = await gatus(world)
    await world.end(first.session_id)
    world.now += WINDOW + 1
    second = await gatus(world)
    await gatus(world, status="RESOLVED")
    for session in (first.session_id, second.session_id):
        shown = await world.views.show("default", session)
        assert shown is not None
        assert shown["events"][0]["resolved_at"] == world.now


async def test_an_end_without_a_beginning_is_noted_and_hides_no_later_beginning(
    world: World,
) -> None:
    over = await gatus(world, status="RESOLVED")
    assert await world.stored() == [(over.session_id, "done")]
    assert not (await gatus(world)).duplicate


async def test_copies_at_once_are_one_event_and_tenants_do_not_share_a_count(world: World) -> None:
    """Case 78."""
    answers = await asyncio.gather(*(gatus(world) for _ in range(5)))
    assert sorted(answer.duplicate for answer in answers) == [False, True, True, True, True]
    assert not (await gatus(world, tenant_id="acme")).duplicate


async def test_a_crash_between_queue_and_records_is_one_event_when_it_is_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 9."""

    async def die(*_: Any, **__: Any) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(world.sessions, "admit", die)
        with pytest.raises(KeyboardInterrupt):
            await gatus(world)
    assert not (await gatus(world)).duplicate
    assert len(world.inbox.items) == len(await world.stored()) == 1
