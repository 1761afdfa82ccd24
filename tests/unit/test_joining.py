"""`sessions: {join: branch}`: alerts of one branch are one session, and none of them is lost."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import pytest_asyncio

from observer.domain.event import Incident, Severity
from observer.errors import InboxFull
from observer.intake import Accepted
from observer.records.events import StoredEvent
from observer.settings.tree import load_tree
from observer.sources import SOURCES
from tests.unit.intake_world import World
from tests.unit.test_alertmanager_source import alert, delivery

pytestmark = pytest.mark.asyncio
TREE = load_tree(Path(__file__).parents[2] / "docs" / "examples")
METRIC = {"alertname": "RedisDataStale", "severity": "critical"}
CONSUMER = {"alertname": "Lag", "severity": "warning", "node": "kafka_to_redis_consumer"}
REDIS = {"alertname": "RedisClientsNearLimit", "severity": "warning", "job": "redis_exporter"}
OTHER = {"alertname": "Else", "severity": "warning", "node": "not_in_the_tree"}
OPEN = 1_764_090_000.0
"""A Tuesday in business hours."""


@pytest_asyncio.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    made = World(tmp_path, TREE, join="branch", max_pending=4)
    made.now = OPEN
    monkeypatch.setattr(time, "time", lambda: made.now)
    await made.database.open()
    yield made
    await made.database.close()


async def fire(world: World, labels: dict[str, str], *, name: str = "", **more: Any) -> Accepted:
    fingerprint = f"{labels['alertname']}-{name}"
    payload = delivery(alert(labels=labels, fingerprint=fingerprint, **more))
    events = SOURCES["alertmanager"](payload)
    (accepted,) = await world.intake.accept("alertmanager", events, fingerprint.encode())
    return accepted


async def event_of(world: World, key: str) -> StoredEvent:
    stored = await world.intake._events.event(key)
    assert stored is not None
    return stored


async def queued(world: World) -> list[StoredEvent]:
    return await world.intake._events.left_over()


@pytest.mark.parametrize("order", itertools.permutations([METRIC, CONSUMER, REDIS]))
async def test_three_related_alerts_in_any_order_are_one_session_and_their_ends_are_noted_there(
    world: World, order: tuple[dict[str, str], ...]
) -> None:
    """Case 89."""
    fired = [await fire(world, labels) for labels in order]
    assert len({accepted.session_id for accepted in fired}) == 1
    assert len(world.inbox.items) == 3, "three nodes, three looks, one at a time"
    over = [await fire(world, labels, status="resolved") for labels in order]
    assert {accepted.session_id for accepted in over} == {fired[0].session_id}
    shown = await world.views.show("default", fired[0].session_id)
    assert shown is not None
    assert [row["resolved_at"] is not None for row in shown["events"]] == [True] * 3 + [False] * 3


async def test_what_is_not_on_the_branch_or_not_in_the_tree_has_a_session_of_its_own(
    world: World,
) -> None:
    first = await fire(world, REDIS)
    away = await fire(world, {**CONSUMER, "node": "upstream_data_feed"})
    other, same = await fire(world, OTHER), await fire(world, OTHER, name="2")
    assert len({first.session_id, away.session_id, other.session_id}) == 3
    assert same.session_id == other.session_id
    assert len(world.inbox.items) == 4, "what the tree does not know is looked into one by one"


async def test_it_joins_the_oldest_of_the_sessions_it_is_related_to(world: World) -> None:
    older = await fire(world, REDIS)
    world.now += 1
    await fire(world, {**CONSUMER, "node": "upstream_data_feed"})
    assert (await fire(world, METRIC)).session_id == older.session_id


async def test_what_a_person_got_is_joined_while_an_alert_of_it_still_fires(world: World) -> None:
    """Case 89: what comes after a quick escalation opens no second ticket."""
    first = await fire(world, METRIC)
    await world.end(first.session_id, "escalated")
    late = await fire(world, CONSUMER)
    assert late.session_id == first.session_id
    await world.end(first.session_id, "escalated")
    for labels in (METRIC, CONSUMER):
        await fire(world, labels, status="resolved")
    assert (await fire(world, REDIS)).session_id != first.session_id


async def test_what_was_healed_is_over_whatever_still_fires(world: World) -> None:
    first = await fire(world, METRIC)
    await world.end(first.session_id, "resolved")
    assert (await fire(world, CONSUMER)).session_id != first.session_id


async def test_a_day_after_a_person_got_it_an_alert_is_an_incident_of_its_own(
    world: World,
) -> None:
    first = await fire(world, METRIC)
    await world.end(first.session_id, "escalated")
    world.now += 86401
    assert (await fire(world, CONSUMER)).session_id != first.session_id


async def test_neither_another_tenants_nor_a_chosen_session_is_joined(world: World) -> None:
    """Case 46."""
    theirs = await fire(world, {**REDIS, "tenant": "acme"})
    await world.post(b"1", stage="redis_instance", session_id="chosen")
    mine = await fire(world, REDIS)
    assert mine.session_id not in (theirs.session_id, "chosen")


async def test_hundreds_of_alerts_of_one_node_wait_as_one_even_where_the_inbox_is_full(
    world: World,
) -> None:
    """Case 32."""
    first = await fire(world, REDIS)
    for number in range(3):
        await world.post(f"{number}".encode(), session_id=f"s{number}")
    for number in range(200):
        joined = await fire(world, REDIS, name=str(number))
        assert (joined.session_id, joined.duplicate) == (first.session_id, False)
    with pytest.raises(InboxFull):
        await fire(world, CONSUMER)
    shown = await world.views.show("default", first.session_id)
    assert shown is not None
    reasons = {row["reason"] for row in shown["events"] if row["status"] == "joined"}
    assert reasons == {f"joined: will be looked into with {first.event_id}"}
    assert len(shown["events"]) == 201
    assert (await fire(world, REDIS, name="7")).duplicate


async def test_what_is_more_severe_than_what_waits_has_a_run_of_its_own(world: World) -> None:
    await fire(world, REDIS)
    await fire(world, {**REDIS, "severity": "critical"}, name="paged")
    await fire(world, {**REDIS, "severity": "critical"}, name="2")
    await fire(world, REDIS, name="3")
    assert [stored.event.severity for stored in await queued(world)] == ["WARNING", "CRITICAL"]


async def test_a_run_that_has_begun_covers_nothing_that_comes_after(world: World) -> None:
    await fire(world, REDIS)
    (waiting,) = await queued(world)
    await world.sessions.begin_run(waiting, "t-1")
    await fire(world, REDIS, name="2")
    await fire(world, REDIS, name="3")
    assert [stored.status for stored in await queued(world)] == ["running", "queued"]


def asked_about(stored: StoredEvent) -> Incident:
    event = stored.event
    return Incident(
        event.tenant_id,
        event.session_id,
        event.event_id,
        event.key,
        event.stage,
        event.message,
        Severity.WARNING,
        "",
        event.feature,
    )


async def test_a_question_is_withdrawn_when_the_last_alert_that_it_is_about_is_over(
    world: World,
) -> None:
    """Case 90, with alerts that were noted beside the one that asked."""
    await fire(world, REDIS)
    await fire(world, REDIS, name="covered")
    (asking,) = await queued(world)
    await world.sessions.begin_run(asking, "t-1")
    await fire(world, CONSUMER)
    await fire(world, CONSUMER, name="covered")
    noted = (await queued(world))[1]
    await world.sessions.join(noted, "noted on approval ap", to=asking.key)
    await world.approvals.ask(
        "ap",
        asked_about(asking),
        fingerprint="f",
        request={"action_requests": [{"name": "x", "args": {}, "description": ""}]},
        impact=[],
        deadline_s=3600,
    )
    answered: list[str] = []
    world.intake._requeue.answer = mock.AsyncMock(side_effect=lambda a: answered.append(a.id))  # type: ignore[method-assign]

    ends = [(REDIS, ""), (CONSUMER, "covered"), (CONSUMER, "")]
    for labels, name in ends:
        await fire(world, labels, name=name, status="resolved")
        assert (await world.approvals.get("ap")).status == "pending"
    await fire(world, REDIS, name="covered", status="resolved")

    assert (await world.approvals.get("ap")).status == "withdrawn"
    assert answered == ["ap"]
