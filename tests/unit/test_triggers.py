"""Ticks and outcomes on a real database: kept or let go by policy, raised once, never for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from observer.domain.event import Event, Severity
from observer.domain.hold import HoldCause
from observer.domain.lifecycle import Lifecycle
from observer.domain.redaction import Redactor
from observer.errors import InboxFull
from observer.intake import Accepted
from observer.records.journal import Journal
from observer.records.outcomes import Outcomes
from observer.records.trigger_positions import TriggerPositions
from observer.settings.triggers import CronTrigger, OutcomeTrigger
from observer.sources import SOURCES, Alert
from observer.triggers import cron as cron_module
from observer.triggers.cron import CronTriggers
from observer.triggers.outcomes import OutcomeTriggers
from tests.unit.intake_world import World

pytestmark = pytest.mark.asyncio
DAY = 86400.0
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(cron_module, "time", clock)
    return clock


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.database.open()
    yield world
    await world.database.close()


def schedule(**how: Any) -> CronTrigger:
    event = {"severity": "WARNING", "stage": "loading", "message": "look at {{ tick }}"}
    return CronTrigger.model_validate(
        {"name": "look", "schedule": "*/30 * * * * *", "event": event, **how}
    )


class Ticking:
    """One schedule of a process; another one is what comes after a crash."""

    def __init__(self, world: World, clock: Clock, trigger: CronTrigger) -> None:
        self.clock = clock
        services: Any = SimpleNamespace(holds=world.holds)
        self.positions = TriggerPositions(world.database)
        self.triggers = CronTriggers(services, world.intake, self.positions, [trigger])
        self.trigger = trigger

    async def begin(self) -> Ticking:
        await self.triggers.begin()
        return self

    async def look(self) -> bool:
        return await self.triggers.raise_due(datetime.fromtimestamp(self.clock.now, UTC))


async def event_ids(world: World) -> list[str]:
    return await world.database.read(
        lambda c: [
            row["id"]
            for row in c.execute(
                "SELECT json_extract(payload, '$.event_id') AS id FROM events ORDER BY seq"
            )
        ]
    )


async def test_a_tick_that_was_accepted_but_not_noted_is_the_same_event_again(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticking = await Ticking(world, clock, schedule()).begin()
    clock.now += 30

    async def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ticking.positions, "dealt_with", killed)
    with pytest.raises(KeyboardInterrupt):
        await ticking.look()
    again = await Ticking(world, clock, schedule()).begin()
    assert await again.look()
    assert await event_ids(world) == ["look-2026-06-01T12:00:30Z"]


@pytest.mark.parametrize(("missed", "raised"), [("skip", 0), ("latest", 1), ("all", 4)])
async def test_what_came_while_a_tenant_was_held_goes_by_the_policy(
    world: World, clock: Clock, missed: str, raised: int
) -> None:
    ticking = await Ticking(world, clock, schedule(missed=missed)).begin()
    await world.holds.put("default", HoldCause.PERSON, "paused by a person")
    for _ in range(4):
        clock.now += 30
        assert not await ticking.look()
    assert await event_ids(world) == []
    (facts,) = ticking.triggers.facts()
    assert facts["last_error"] == "held: paused by a person"
    clock.now += 20
    await world.holds.lift("default", HoldCause.PERSON)
    assert await ticking.look()
    assert len(await event_ids(world)) == raised


async def test_a_schedule_of_critical_events_ticks_under_every_hold_but_a_persons(
    world: World, clock: Clock
) -> None:
    event = {"severity": "CRITICAL", "stage": "loading", "message": "still alive?"}
    ticking = await Ticking(world, clock, schedule(event=event)).begin()
    await world.holds.put("default", HoldCause.BUDGET, "the day's budget is spent")
    clock.now += 30
    assert await ticking.look()
    assert len(await event_ids(world)) == 1


async def test_a_failed_observer_keeps_a_tick_until_a_person_restarts_it(
    world: World, clock: Clock
) -> None:
    ticking = await Ticking(world, clock, schedule()).begin()
    world.lifecycle.state = Lifecycle.FAILED
    clock.now += 600
    assert not await ticking.look()
    world.lifecycle.state = Lifecycle.RUNNING
    assert await ticking.look()
    assert await event_ids(world) == ["look-2026-06-01T12:10:00Z"]


async def test_a_clock_forward_by_a_day_is_one_tick_and_back_again_none(
    world: World, clock: Clock
) -> None:
    """Cases 21 and 22."""
    ticking = await Ticking(world, clock, schedule()).begin()
    clock.now += DAY
    await ticking.look()
    assert await event_ids(world) == ["look-2026-06-02T12:00:00Z"]
    clock.now -= DAY
    for _ in range(10):
        clock.now += 30
        await ticking.look()
    assert len(await event_ids(world)) == 1


async def test_a_clock_that_was_a_year_ahead_silences_a_schedule_for_no_year(
    world: World, clock: Clock
) -> None:
    ticking = await Ticking(world, clock, schedule()).begin()
    clock.now += 365 * DAY
    assert await ticking.look()
    clock.now -= 365 * DAY
    again = await Ticking(world, clock, schedule()).begin()
    assert await again.look()
    (facts,) = again.triggers.facts()
    assert "put back" in facts["last_error"]
    clock.now += 30
    assert await again.look()
    assert await event_ids(world) == ["look-2027-06-01T12:00:00Z", "look-2026-06-01T12:00:30Z"]
    (facts,) = again.triggers.facts()
    assert facts["last_error"] is None


async def test_a_changed_schedule_begins_anew_and_a_removed_one_is_forgotten(
    world: World, clock: Clock
) -> None:
    await Ticking(world, clock, schedule()).begin()
    clock.now += DAY
    ticking = await Ticking(world, clock, schedule(schedule="0 * * * *", missed="all")).begin()
    assert await ticking.look()
    assert await event_ids(world) == []
    positions = TriggerPositions(world.database)
    assert await positions.begin_ticks({}, clock.now) == {}
    clock.now += DAY
    again = {"look": "0 * * * * UTC"}
    assert await positions.begin_ticks(again, clock.now) == {"look": clock.now}


def follow(**how: Any) -> OutcomeTrigger:
    return OutcomeTrigger.model_validate(
        {
            "name": "again",
            "when": {"outcome": ["escalated"]},
            "event": {"severity": "WARNING", "message": "after {{ event_id }}: {{ message }}"},
            **how,
        }
    )


class Following:
    """Outcome triggers, and a stand-in for runs: every event that is accepted ends escalated."""

    def __init__(self, world: World, *triggers: OutcomeTrigger) -> None:
        self.world = world
        journal = Journal(Redactor([]))
        self.outcomes = Outcomes(world.database, journal, followed=True)
        self.triggers = OutcomeTriggers(self.outcomes, world.intake, list(triggers))
        self._ended: set[str] = set()

    async def end_runs(self, outcome: str = "escalated") -> int:
        """Returns how many."""
        await self.outcomes.open()
        keys = [key for key in self.world.inbox.items if key not in self._ended]
        for key in keys:
            stored = await self.world.intake._events.event(key)
            assert stored is not None
            await self.world.database.write(
                lambda c, s=stored: self.outcomes.note(c, s, outcome, Severity.WARNING)
            )
            await self.world.end(stored.event.session_id, outcome)
            self._ended.add(key)
        return len(keys)

    async def events(self) -> list[Event]:
        items = self.world.inbox.items.values()
        return [Event.model_validate(item["event"]) for item in items]


async def test_a_chain_of_outcomes_ends_at_its_depth_with_a_line_in_the_journal(
    world: World,
) -> None:
    following = Following(world, follow())
    await world.post(event_id="first", labels={"depth": "-5"})
    while await following.end_runs():
        assert await following.triggers.follow()
    events = await following.events()
    assert [event.depth for event in events] == [0, 1, 2, 3]
    assert [event.source for event in events] == ["native", *["observer"] * 3]
    assert {event.stage for event in events} == {"loading"}
    assert (await world.kinds()).count("trigger") == 1


async def test_two_triggers_that_answer_each_other_end_too(world: World) -> None:
    there = follow(name="there", when={"outcome": ["escalated"], "stage": ["loading"]})
    there = there.model_copy(update={"event": there.event.model_copy(update={"stage": "indexing"})})
    back = follow(name="back", when={"outcome": ["escalated"], "stage": ["indexing"]})
    back = back.model_copy(update={"event": back.event.model_copy(update={"stage": "loading"})})
    following = Following(world, there, back)
    await world.post(event_id="first")
    while await following.end_runs():
        assert await following.triggers.follow()
    stages = [event.stage for event in await following.events()]
    assert stages == ["loading", "indexing", "loading", "indexing"]


async def test_a_caller_cannot_say_how_deep_its_event_is_nor_that_it_is_ours(world: World) -> None:
    body = {
        "stage": "loading",
        "message": "m",
        "depth": -100,
        "source": "observer",
        "labels": {"depth": "-100", "source": "observer"},
    }
    accepted = await world.intake.accept("native", SOURCES["native"](body), b"body")
    (item,) = world.inbox.items.values()
    assert (item["event"]["depth"], item["event"]["source"]) == (0, "native")
    assert not accepted[0].duplicate
    assert {"cron", "file", "observer"}.isdisjoint(SOURCES)


async def test_an_outcome_that_could_not_be_followed_is_followed_later_and_once(
    world: World,
) -> None:
    following = Following(world, follow(max_depth=1))
    await world.post(event_id="first")
    await following.end_runs()
    world.lifecycle.state = Lifecycle.FAILED
    assert not await following.triggers.follow()
    world.lifecycle.state = Lifecycle.RUNNING
    # As after a crash between the event and the note that its outcome was followed.
    real = following.outcomes.followed

    async def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    following.outcomes.followed = killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await following.triggers.follow()
    following.outcomes.followed = real  # type: ignore[method-assign]
    assert await following.triggers.follow()
    assert len(await following.events()) == 2
    assert await following.outcomes.waiting(1) == []


async def test_a_tenant_that_is_full_does_not_stop_the_outcomes_of_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = Following(world, follow(max_depth=1))
    for number in range(60):
        await world.post(event_id=f"a{number}", session_id=f"s{number}", tenant_id="a")
    await world.post(event_id="b", tenant_id="b")
    await following.end_runs()
    real = world.intake.accept
    refused: list[str] = []

    async def accept(source: str, alerts: list[Alert], body: bytes) -> list[Accepted]:
        if alerts[0].tenant_id == "a":
            refused.append("a")
            raise InboxFull("'a' is held")
        return await real(source, alerts, body)

    monkeypatch.setattr(world.intake, "accept", accept)
    assert not await following.triggers.follow()
    assert [e.tenant_id for e in await following.events() if e.source == "observer"] == ["b"]
    assert len(refused) == 1
    monkeypatch.undo()
    assert await following.triggers.follow()
    assert len([e for e in await following.events() if e.source == "observer"]) == 61


async def test_an_outcome_that_nobody_asked_for_leads_to_nothing(world: World) -> None:
    following = Following(world, follow(when={"outcome": ["failed"], "tenant": ["other"]}))
    await world.post(event_id="first")
    await following.end_runs("failed")
    await world.post(event_id="second", tenant_id="other")
    await following.end_runs("resolved")
    assert await following.triggers.follow()
    assert len(await following.events()) == 2
    assert (await world.kinds()).count("trigger") == 0


async def test_a_following_event_stays_with_its_tenant(world: World) -> None:
    """Case 46."""
    following = Following(world, follow())
    await world.post(event_id="first", tenant_id="acme", message="of acme")
    await following.end_runs()
    await following.triggers.follow()
    assert {event.tenant_id for event in await following.events()} == {"acme"}


async def test_where_no_outcome_is_followed_none_is_kept(world: World) -> None:
    followed = Following(world, follow())
    await world.post(event_id="first")
    await followed.end_runs()
    none = Outcomes(world.database, Journal(Redactor([])), followed=False)
    await none.open()
    stored = await world.intake._events.event(next(iter(world.inbox.items)))
    await world.database.write(lambda c: none.note(c, stored, "escalated", None))  # type: ignore[arg-type]
    assert await none.waiting(1) == []
