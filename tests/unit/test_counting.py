"""A breach counts inside its window only, by our clock; what is about a node counts always."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.runnables import RunnableConfig

from nodes.classify import classify
from observer.domain.dependency_tree import DependencyTree, Metric, Node
from observer.domain.event import Event, Severity
from observer.domain.severity import from_facts, uncounted
from observer.domain.windows import Window
from observer.sources import SOURCES
from tests.unit.intake_world import World
from tests.unit.test_alertmanager_source import alert, delivery
from tests.unit.test_gatus_source import delivery as gatus_delivery

NEW_YORK = ZoneInfo("America/New_York")
HOLIDAY = date(2026, 11, 26)
HOURS = Window(
    "BUSINESS_HOURS", NEW_YORK, frozenset(range(5)), clock(9, 30), clock(16), frozenset([HOLIDAY])
)
TREE = DependencyTree(
    metrics={
        "freshness": Metric(
            "freshness",
            "",
            "60s",
            HOURS,
            gatus_check="Data Latency / Redis Freshness Primary",
            alerts=("Stale",),
            depends_on=("redis",),
        )
    },
    nodes={"redis": Node("redis", "infrastructure", criticality=Severity.CRITICAL)},
)
BECAUSE = "outside BUSINESS_HOURS: a breach does not count now"
YEAR = st.integers(0, 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()


OPEN, NIGHT = at("2026-11-25 12:00"), at("2026-11-25 22:00")


def event(stage: str, severity: Severity | None = None, **more: Any) -> Event:
    return Event(
        event_id="e", session_id="s", stage=stage, severity=severity, message="stale", **more
    )


@given(YEAR, st.sampled_from([*Severity, None]), st.sampled_from(["freshness", "redis", "else"]))
def test_only_a_metric_outside_its_window_is_made_an_info_whatever_is_said_of_it(
    now: datetime, severity: Severity | None, stage: str
) -> None:
    """Over a year with its holiday and both changes of the clocks."""
    local = now.astimezone(NEW_YORK)
    inside = (
        local.weekday() < 5 and local.date() != HOLIDAY and clock(9, 30) <= local.time() < clock(16)
    )
    found = from_facts(event(stage, severity), TREE, now)
    if stage == "freshness" and not inside:
        assert found == (Severity.INFO, BECAUSE)
    elif severity is not None:
        assert found == (severity, "the event says so")
    else:
        assert found is None or found[0] is Severity.CRITICAL


@pytest.mark.parametrize("day", ["2026-03-06", "2026-03-09", "2026-10-30", "2026-11-02"])
def test_it_counts_from_the_wall_clocks_opening_before_and_after_the_clocks_change(
    day: str,
) -> None:
    opening = datetime.fromtimestamp(at(f"{day} 09:30"), UTC)
    assert uncounted(TREE, "freshness", opening) is None
    assert uncounted(TREE, "freshness", opening - timedelta(seconds=1)) == BECAUSE


@pytest.mark.asyncio
@pytest.mark.parametrize("occurred_at", [OPEN, NIGHT])
async def test_classify_asks_nobody_outside_the_window_and_goes_by_our_clock_not_the_alerts(
    occurred_at: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = event(
        "freshness", Severity.CRITICAL, occurred_at=datetime.fromtimestamp(occurred_at, UTC)
    )
    state: Any = {"event": said.model_dump(mode="json")}
    nobody: Any = None
    results: dict[float, Any] = {}
    for now in (NIGHT, OPEN):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        update = await classify(state, RunnableConfig(), TREE, nobody, nobody)
        results[now] = (update["incident"].severity, update["incident"].severity_reason)
    assert results == {
        NIGHT: (Severity.INFO, BECAUSE),
        OPEN: (Severity.CRITICAL, "the event says so"),
    }


@pytest_asyncio.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    made = World(tmp_path, TREE, max_pending=3)
    monkeypatch.setattr(time, "time", lambda: made.now)
    await made.database.open()
    yield made
    await made.database.close()


@pytest.mark.asyncio
async def test_a_flood_of_breaches_at_night_is_acknowledged_and_queues_nothing(
    world: World,
) -> None:
    """Case 87."""
    world.now = NIGHT
    for number in range(20):
        await world.post(f"{number}".encode(), stage="freshness", severity="CRITICAL")
    assert world.inbox.items == {}
    assert {status for _, status in await world.stored()} == {"done"}
    rows = await world.database.read(
        lambda c: [tuple(r) for r in c.execute("SELECT DISTINCT severity, status FROM sessions")]
    )
    assert rows == [("INFO", "acknowledged")]
    shown = await world.views.show("default", (await world.stored())[0][0])
    assert shown is not None
    assert shown["events"][0]["severity"] == "CRITICAL"
    assert shown["events"][0]["reason"] == f"acknowledged: {BECAUSE}"
    assert not (await world.post(b"node", stage="redis", severity="WARNING")).duplicate
    assert len(world.inbox.items) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("source", "payload"),
    [
        ("alertmanager", delivery(alert(labels={"alertname": "Stale", "severity": "critical"}))),
        ("gatus", gatus_delivery()),
    ],
)
async def test_a_breach_that_goes_on_into_its_window_counts_from_its_first_repetition_there(
    world: World, source: str, payload: Any
) -> None:
    async def deliver() -> Any:
        (accepted,) = await world.intake.accept(source, SOURCES[source](payload), b"same")
        return accepted

    world.now = at("2026-11-25 09:29:50")
    await deliver()
    assert (await deliver()).duplicate
    assert world.inbox.items == {}
    world.now = at("2026-11-25 09:30:01")
    assert not (await deliver()).duplicate
    assert (await deliver()).duplicate
    assert len(world.inbox.items) == 1


@pytest.mark.asyncio
async def test_the_end_of_a_breach_that_did_not_count_is_noted_with_it(world: World) -> None:
    world.now = NIGHT

    async def deliver(status: str) -> Any:
        payload = gatus_delivery(status=status)
        (accepted,) = await world.intake.accept("gatus", SOURCES["gatus"](payload), b"b")
        return accepted

    began, over = await deliver("TRIGGERED"), await deliver("RESOLVED")
    assert began.session_id == over.session_id
    assert not (await deliver("TRIGGERED")).duplicate
