"""The mission's records on a real database: nothing lost, nothing doubled, no time negative."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from observer.domain.event import Event, Severity
from observer.domain.failure import Failure, Result
from observer.domain.mission import Judgement, snapshot_of
from observer.domain.mission_rules import judge
from observer.domain.redaction import Redactor
from observer.records import failures as failures_module
from observer.records import mission as mission_module
from observer.records.activity import ActivityRecords
from observer.records.database import Connection, Database
from observer.records.events import Events, StoredEvent
from observer.records.failures import PULSE_S, Ending, Failures, note_ending
from observer.records.journal import Journal
from observer.records.mission import Due, Mission
from observer.records.sessions import Sessions
from tests.unit.mission_week import (
    END,
    FAILURES,
    MONDAY,
    NIGHT,
    PERCENT,
    TERMS,
    TREE,
    UNHEALTHY_S,
    WEEK,
)

EVERY = 10


class Records:
    """The records, with a clock of their own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = MONDAY
        self.database = Database(folder / "observer.db")
        journal = Journal(Redactor([]))
        self.failures = Failures(self.database)
        self.mission = Mission(self.database, journal, EVERY)
        self.activity = ActivityRecords(self.database, self.failures, {"page_oncall"})
        self.sessions = Sessions(self.database, journal)
        self.events = Events(self.database)
        for module in (failures_module, mission_module):
            monkeypatch.setattr(module, "time", self)
        monkeypatch.setattr("observer.records.arrivals.time", self)

    def time(self) -> float:
        return self.now

    async def admit(self, event_id: str, at: float, **fields: Any) -> StoredEvent:
        """An event that came in, as the worker finds it."""
        self.now = at
        words = {"session_id": event_id, "stage": "loading", "message": "", **fields}
        event = Event(event_id=event_id, **words)
        await self.sessions.admit(event, body_hash=event_id, fingerprint=None)
        stored = await self.events.event(event.key)
        assert stored is not None
        return stored

    async def end(self, stored: StoredEvent, at: float, result: Result, **said: Any) -> None:
        """Its run ended."""
        self.now = at
        node = stored.event.stage
        words = {"node": node, "severity": Severity.CRITICAL, "healthy": frozenset({node}), **said}
        ending = Ending(result=result, **words)
        await self.database.write(lambda c: note_ending(c, stored, ending))

    async def resolve(self, stored: StoredEvent, at: float) -> None:
        """Its source called it over."""
        self.now = at
        over = stored.event.model_copy(update={"event_id": f"{stored.event.event_id}-over"})
        assert await self.sessions.acknowledge(
            over, body_hash="", severity=None, decision="over", resolves=stored.key
        )

    async def recorded(self) -> list[Failure]:
        failures, _ = await self.failures.since(0)
        return failures

    async def due(self) -> list[int]:
        rows = await self.database.read(
            lambda c: c.execute("SELECT runs FROM mission_verdicts ORDER BY runs").fetchall()
        )
        return [row["runs"] for row in rows]


@pytest_asyncio.fixture
async def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Records]:
    made = Records(tmp_path, monkeypatch)
    await made.database.open()
    yield made
    await made.database.close()


@pytest.mark.asyncio
async def test_the_week_through_the_records_is_the_one_computed_by_hand(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The history of `mission_week`, event by event and run by run."""
    monkeypatch.setattr(failures_module, "_GAP_S", 7 * 86400)
    moments: list[tuple[float, int, str]] = [(MONDAY, 0, "see"), (NIGHT[0], 0, "see")]
    moments += [(NIGHT[0], 1, "blind"), (NIGHT[1], 2, "see"), (END, 3, "see")]
    moments += [(incident.began_at, 4, name) for name, incident in WEEK.items()]
    moments += [(i.ended_at, 5, name) for name, i in WEEK.items() if i.ended_at is not None]
    stored: dict[str, StoredEvent] = {}
    for at, order, what in sorted(moments):
        records.now = at
        if what == "blind":
            records.failures.blind()
        elif what == "see":
            await records.failures.watching()
        elif order == 4:
            stored[what] = await records.admit(what, at, stage=WEEK[what].about)
        else:
            told = {"severity": WEEK[what].severity, "metrics": of(what).metrics}
            await records.end(stored[what], at, WEEK[what].result, **told)
            if WEEK[what].result is Result.HANDED_OVER:
                await records.resolve(stored[what], at)
    # The last one's run is still under way: it waits for a person.
    await records.end(stored["H"], END - 60, Result.OPEN, metrics=of("H").metrics)

    taken = snapshot_of(await records.activity.since(END - TERMS.window_s), TREE, TERMS, END)

    found = {"pipeline": taken.uptime, **{m.metric: m.uptime for m in taken.metrics}}
    assert {name: seen.unhealthy_s for name, seen in found.items()} == UNHEALTHY_S
    assert {name: round(seen.percent or 0, 4) for name, seen in found.items()} == PERCENT
    assert judge(taken, TERMS).verdict == "failing"
    assert judge(taken, TERMS).reasons[0] == "P1 on loading unresolved for 30m (more than 15m)"


def of(name: str) -> Failure:
    return next(f for f in FAILURES if f.session_id == name)


@pytest.mark.asyncio
async def test_an_outage_lasts_from_its_event_until_the_look_that_saw_it_healthy(
    records: Records,
) -> None:
    """Not until its run's end: a channel that is down must not make it longer."""
    stored = await records.admit("a", MONDAY)

    def look(connection: Connection) -> None:
        connection.execute(
            "INSERT INTO state_transitions (session_id, trace_id, tenant_id, event_key, iteration,"
            " purpose, tool_name, tool_input_hash, args, idempotency_key, status, timestamp)"
            " VALUES ('', '', '', '', 1, 'read', '', '', '', 'the proof', 'done', ?)",
            (MONDAY + 40,),
        )

    await records.database.write(look)
    await records.end(stored, MONDAY + 7000, Result.HEALED, proof="the proof")
    (failure,) = await records.recorded()
    assert (failure.began_at, failure.ended_at) == (MONDAY, MONDAY + 40)


@pytest.mark.asyncio
async def test_what_a_person_has_goes_on_until_its_node_is_seen_healthy(records: Records) -> None:
    handed = await records.admit("a", MONDAY)
    other = await records.admit("b", MONDAY, stage="indexing")
    theirs = await records.admit("c", MONDAY, tenant_id="acme")
    for stored in (handed, other, theirs):
        await records.end(stored, MONDAY + 60, Result.HANDED_OVER)
    assert [f.ended_at for f in await records.recorded()] == [None, None, None]

    again = await records.admit("d", MONDAY + 100)
    await records.end(again, MONDAY + 160, Result.HEALED)

    ends = {f.session_id: f.ended_at for f in await records.recorded()}
    assert ends == {"a": MONDAY + 160, "b": None, "c": None, "d": MONDAY + 160}


@pytest.mark.asyncio
async def test_a_session_about_several_nodes_ends_only_what_was_seen_healthy(
    records: Records,
) -> None:
    """Nothing is guessed: that one node is well says nothing of another."""
    first = await records.admit("a", MONDAY, stage="loading")
    await records.end(first, MONDAY + 60, Result.HANDED_OVER)
    second = await records.admit("b", MONDAY + 70, stage="indexing", session_id="a")
    await records.end(second, MONDAY + 90, Result.HEALED)
    assert {f.node: f.ended_at for f in await records.recorded()} == {
        "loading": None,
        "indexing": MONDAY + 90,
    }


@pytest.mark.asyncio
async def test_what_its_source_calls_over_ends_then_also_where_its_run_ends_later(
    records: Records,
) -> None:
    first = await records.admit("a", MONDAY)
    await records.end(first, MONDAY + 60, Result.HANDED_OVER)
    await records.resolve(first, MONDAY + 90)
    second = await records.admit("b", MONDAY + 100)
    await records.resolve(second, MONDAY + 130)
    await records.end(second, MONDAY + 999, Result.HANDED_OVER)
    assert [f.ended_at for f in await records.recorded()] == [MONDAY + 90, MONDAY + 130]


@pytest.mark.asyncio
async def test_events_of_one_run_are_over_when_the_last_of_them_is(records: Records) -> None:
    """Case 89: related alerts are one incident, and so one outage."""
    first = await records.admit("a", MONDAY)
    second = await records.admit("b", MONDAY + 1, session_id="a")
    await records.sessions.join(second, "looked into with a", to=first.key)
    await records.end(first, MONDAY + 60, Result.HANDED_OVER)

    await records.resolve(first, MONDAY + 70)
    assert [f.ended_at for f in await records.recorded()] == [None]
    await records.resolve(second, MONDAY + 80)
    assert [f.ended_at for f in await records.recorded()] == [MONDAY + 80]


@pytest.mark.asyncio
async def test_a_run_that_is_recorded_again_doubles_nothing_and_keeps_the_first_end(
    records: Records,
) -> None:
    stored = await records.admit("a", MONDAY)
    await records.end(stored, MONDAY + 10, Result.OPEN)
    await records.end(stored, MONDAY + 20, Result.HEALED)
    await records.end(stored, MONDAY + 30, Result.HEALED)
    (failure,) = await records.recorded()
    assert (failure.result, failure.ended_at) == (Result.HEALED, MONDAY + 20)


@pytest.mark.asyncio
async def test_a_run_that_failed_keeps_what_was_known_of_the_failure(records: Records) -> None:
    stored = await records.admit("a", MONDAY, severity=Severity.WARNING)
    await records.end(stored, MONDAY + 10, Result.OPEN, node="redis", severity=Severity.CRITICAL)
    await records.end(stored, MONDAY + 20, Result.GIVEN_UP, severity=None)
    (failure,) = await records.recorded()
    known = (failure.node, failure.severity, failure.result, failure.ended_at)
    assert known == ("redis", Severity.CRITICAL, Result.GIVEN_UP, None)


@pytest.mark.asyncio
async def test_an_info_is_no_failure(records: Records) -> None:
    stored = await records.admit("a", MONDAY)
    await records.end(stored, MONDAY + 10, Result.HANDED_OVER, severity=Severity.INFO)
    assert await records.recorded() == []


@pytest.mark.asyncio
async def test_what_a_later_try_finds_to_be_an_info_was_no_failure(records: Records) -> None:
    stored = await records.admit("a", MONDAY, severity=Severity.CRITICAL)
    other = await records.admit("b", MONDAY, stage="indexing")
    for event in (stored, other):
        await records.end(event, MONDAY + 10, Result.OPEN, severity=None)
    await records.end(stored, MONDAY + 20, Result.HANDED_OVER, severity=Severity.INFO)
    assert [f.session_id for f in await records.recorded()] == ["b"]


@pytest.mark.asyncio
async def test_a_clock_that_was_set_back_gives_no_negative_time(records: Records) -> None:
    """Case 21."""
    stored = await records.admit("a", MONDAY)
    await records.failures.watching()
    await records.end(stored, MONDAY - 3600, Result.HEALED)
    await records.failures.watching()
    records.now = MONDAY - 3600 + PULSE_S
    await records.failures.watching()
    (failure,) = await records.recorded()
    assert failure.ended_at == failure.began_at
    _, watched = await records.failures.since(0)
    assert sorted(watched) == [(MONDAY - 3600, MONDAY - 3600 + PULSE_S), (MONDAY, MONDAY)]


@pytest.mark.asyncio
async def test_a_silence_longer_than_a_few_pulses_was_not_watched(records: Records) -> None:
    """Also where the process lived on: a machine that slept saw nothing."""
    for second in (0, PULSE_S, 2 * PULSE_S, 1000, 1000 + PULSE_S):
        records.now = MONDAY + second
        await records.failures.watching()
    records.failures.blind()
    records.now += 1
    await records.failures.watching()
    _, watched = await records.failures.since(0)
    assert [(begin - MONDAY, until - MONDAY) for begin, until in watched] == [
        (0, 2 * PULSE_S),
        (1000, 1000 + PULSE_S),
        (1001 + PULSE_S, 1001 + PULSE_S),
    ]


@pytest.mark.asyncio
async def test_every_tenth_run_makes_one_verdict_due_also_where_they_end_side_by_side(
    records: Records,
) -> None:
    await records.mission.open()
    records.mission.wanted.clear()
    write = records.database.write
    await asyncio.gather(*(write(records.mission.count_run) for _ in range(EVERY - 1)))
    assert await records.due() == []

    def cut(connection: Connection) -> None:
        records.mission.count_run(connection)
        raise OSError("the transaction is cut")

    with pytest.raises(OSError, match="cut"):
        await write(cut)
    await asyncio.sleep(0)
    assert (await records.due(), records.mission.wanted.is_set()) == ([], False)

    await asyncio.gather(*(write(records.mission.count_run) for _ in range(2 * EVERY + 1)))

    assert await records.due() == [EVERY, 2 * EVERY, 3 * EVERY]
    async with asyncio.timeout(5):
        await records.mission.wanted.wait()


@pytest.mark.asyncio
async def test_a_verdict_is_given_once_and_the_snapshot_before_it_is_the_last_judged(
    records: Records,
) -> None:
    for _ in range(2 * EVERY):
        await records.database.write(records.mission.count_run)
    taken = snapshot_of(await records.activity.since(MONDAY), TREE, TERMS, END)
    assert taken.runs == 2 * EVERY
    due = await records.mission.due()
    assert due == Due(EVERY, None)
    await records.mission.keep_snapshot(EVERY, taken)
    due = await records.mission.due()
    assert due == Due(EVERY, taken)
    assert await records.mission.before(2 * EVERY) is None

    said = Judgement(verdict="at_risk", advice="rest", reasons=["tired"])
    who: dict[str, Any] = {"trace_id": "x", "percent": 1.0}
    await records.mission.keep_verdict(due, said, trend=None, model_id="m", **who)
    other = said.model_copy(update={"advice": "another"})
    await records.mission.keep_verdict(due, other, trend=None, model_id="m", **who)

    (given,) = await records.mission.history(10)
    assert (given["runs"], given["advice"], given["reasons"]) == (EVERY, "rest", ["tired"])
    assert records.mission.latest is not None
    assert records.mission.latest["advice"] == "rest"
    assert await records.mission.before(2 * EVERY) == taken
    lines = await records.database.read(
        lambda c: c.execute("SELECT count(*) FROM journal WHERE kind = 'mission'").fetchone()[0]
    )
    assert lines == 1


@pytest.mark.asyncio
async def test_duplicates_are_counted_over_the_window(records: Records) -> None:
    for _ in range(3):
        records.mission.note_duplicate()
    await records.mission.write_duplicates()
    records.mission.note_duplicate()
    await records.mission.write_duplicates()
    await records.mission.write_duplicates()
    assert (await records.activity.since(MONDAY)).duplicate_deliveries == 4
    assert (await records.activity.since(MONDAY + 3600)).duplicate_deliveries == 0


@pytest.mark.asyncio
async def test_what_ended_long_ago_is_forgotten_and_what_is_open_is_not(records: Records) -> None:
    over = await records.admit("a", MONDAY)
    await records.end(over, MONDAY + 10, Result.HEALED)
    open_one = await records.admit("b", MONDAY, stage="indexing")
    await records.end(open_one, MONDAY + 10, Result.HANDED_OVER)
    await records.failures.forget(END)
    assert [f.session_id for f in await records.recorded()] == ["b"]
