"""Cases 21 and 22: how long a failure has lasted, by our own clock, wherever that is set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.autonomy import failing_for
from observer.domain.event import Event, Incident, Severity
from observer.domain.redaction import Redactor
from observer.gateway import patience as patience_module
from observer.gateway.patience import Patience
from observer.records import arrivals as arrivals_module
from observer.records import sessions as sessions_module
from observer.records.database import Database
from observer.records.events import Events
from observer.records.journal import Journal
from observer.records.sessions import Sessions

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
SECONDS = st.floats(0, 1e7)


@given(st.floats(-1e7, 1e7), st.floats(-1e7, 1e7), SECONDS)
def test_it_is_never_negative_and_never_longer_than_it_can_have_been(
    by_clock: float, when_noted: float, since_noted: float
) -> None:
    found = failing_for(by_clock=by_clock, when_noted=when_noted, since_noted=since_noted)
    assert found >= timedelta(seconds=since_noted)
    assert found <= timedelta(seconds=max(when_noted, 0.0) + since_noted)


@given(SECONDS, SECONDS, st.floats(-1e7, 1e7))
def test_a_clock_that_is_set_while_it_waits_makes_nothing_early(
    before: float, waited: float, moved: float
) -> None:
    """And nothing later than the wait itself."""
    true = timedelta(seconds=before + waited)
    found = failing_for(by_clock=before + waited + moved, when_noted=before, since_noted=waited)
    assert found <= true
    assert found >= timedelta(seconds=waited)
    if moved == 0:
        assert found == true


class World:
    """Events and their runs in a real database; a clock that is set, and one that is not."""

    def __init__(self, folder: Path) -> None:
        self.now = 1_000_000.0
        self.steady = 50.0
        self.database = Database(folder / "observer.db")
        self.sessions = Sessions(self.database, Journal(Redactor([])))
        self.events = Events(self.database)
        self.patience = Patience(self.events)

    def wait(self, seconds: float) -> None:
        """Time that really passes."""
        self.now += seconds
        self.steady += seconds

    async def comes_in(self, name: str, session: str = "s") -> Incident:
        """An event about a failure."""
        event = Event(event_id=name, session_id=session, stage="loading", message="slow")
        await self.sessions.admit(event, body_hash=name, fingerprint=None)
        return Incident(
            "default", session, name, event.key, "loading", "", Severity.WARNING, "", "f"
        )

    async def ends(self, incident: Incident, outcome: str) -> None:
        """The event's run, to its end."""
        stored = await self.events.event(incident.event_key)
        assert stored is not None
        trace = f"t-{incident.event_id}"
        await self.sessions.begin_run(stored, trace)
        await self.database.write(
            lambda c: self.sessions.end_run(
                c,
                stored,
                trace,
                run_status="done",
                event_status="done",
                session_status=outcome,
                outcome=outcome,
            )
        )

    async def minutes(self, incident: Incident) -> float:
        """How long it fails."""
        found = await self.patience.failing_for(incident)
        return round(found.total_seconds() / MINUTE, 3)


@pytest_asyncio.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.database.open()
    clock = SimpleNamespace(time=lambda: made.now, monotonic=lambda: made.steady)
    monkeypatch.setattr(patience_module, "time", clock)
    monkeypatch.setattr(arrivals_module, "time", clock)
    monkeypatch.setattr(sessions_module, "time", clock)
    yield made
    await made.database.close()


@pytest.mark.asyncio
async def test_it_counts_from_the_first_event_of_the_session_that_we_accepted(world: World) -> None:
    first = await world.comes_in("e-1")
    assert await world.minutes(first) == 0
    world.wait(3 * MINUTE)
    second = await world.comes_in("e-2")
    await world.comes_in("e-3", session="another")
    world.wait(MINUTE)
    assert await world.minutes(first) == 4
    assert await world.minutes(second) == 4


@pytest.mark.asyncio
async def test_what_was_healed_is_another_failure_and_what_was_not_is_the_same(
    world: World,
) -> None:
    """A session that a caller names lives for weeks: its first event says nothing of today."""
    healed = await world.comes_in("e-1")
    await world.ends(healed, "resolved")
    world.wait(DAY)
    unhealed = await world.comes_in("e-2")
    await world.ends(unhealed, "escalated")
    world.wait(MINUTE)
    again = await world.comes_in("e-3")
    world.wait(MINUTE)
    assert await world.minutes(again) == 2
    assert await world.minutes(unhealed) == 2


@pytest.mark.asyncio
async def test_what_is_only_acknowledged_is_no_failure(world: World) -> None:
    info = Event(
        event_id="i", session_id="s", stage="loading", message="ok", severity=Severity.INFO
    )
    await world.sessions.acknowledge(
        info, body_hash="i", severity=Severity.INFO, decision="acknowledged"
    )
    world.wait(HOUR)
    incident = await world.comes_in("e-1")
    world.wait(MINUTE)
    assert await world.minutes(incident) == 1


@pytest.mark.asyncio
async def test_what_its_source_called_over_is_another_failure(world: World) -> None:
    """An alert that flaps has not failed since it first fired."""
    first = await world.comes_in("e-1")
    world.wait(HOUR)
    over = Event(event_id="o", session_id="s", stage="loading", message="ok")
    await world.sessions.acknowledge(
        over, body_hash="o", severity=None, decision="resolved", resolves=first.event_key
    )
    again = await world.comes_in("e-2")
    world.wait(MINUTE)
    assert await world.minutes(again) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("moved", [-HOUR, DAY], ids=["an hour back", "a day forward"])
async def test_a_clock_set_while_it_waits_makes_it_neither_early_nor_endless(
    world: World, moved: float
) -> None:
    """Case 21: no early 5 minutes; case 22: a day forward is no day of failure."""
    incident = await world.comes_in("e-1")
    world.wait(MINUTE)
    assert await world.minutes(incident) == 1
    world.now += moved
    assert await world.minutes(incident) <= 1
    world.wait(3.9 * MINUTE)
    assert await world.minutes(incident) < 5
    world.wait(1.1 * MINUTE)
    assert await world.minutes(incident) >= 5


@pytest.mark.asyncio
async def test_a_process_that_starts_again_counts_on_from_what_is_written(world: World) -> None:
    incident = await world.comes_in("e-1")
    world.wait(4 * MINUTE)
    assert await world.minutes(incident) == 4
    world.wait(MINUTE)
    world.patience = Patience(world.events)
    assert await world.minutes(incident) == 5


@pytest.mark.asyncio
async def test_what_no_record_knows_has_only_just_begun(world: World) -> None:
    """As in Studio, where no event is accepted by us."""
    unknown = Incident("t", "s", "e", "k", "loading", "", Severity.WARNING, "", "f")
    assert await world.minutes(unknown) == 0
    world.wait(2 * MINUTE)
    assert await world.minutes(unknown) == 2
    world.patience.forget("k")
    assert await world.minutes(unknown) == 0
