"""The alarm of seed 001: two runs without progress within five minutes freeze one tenant."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from observer import no_progress
from observer.domain.calls import Call, CallStatus, Observation, Purpose, Run
from observer.domain.event import Event, Incident, Severity
from observer.domain.health import Anomaly, Finding, about_ourselves
from observer.domain.hold import HoldCause, may_begin, why_frozen
from observer.domain.redaction import Redactor
from observer.domain.span import SpanKind, span_of
from observer.errors import RecordsUnavailable
from observer.gateway.run_health import RunHealth
from observer.no_progress import NoProgressAlarm
from observer.records.database import Database
from observer.records.holds import Holds
from observer.records.journal import Journal
from observer.records.ledger import Ledger
from observer.records.progress import Progress
from observer.records.spans import Spans
from observer.settings.health import Health
from observer.sources import Alert
from tests.run_health import run_health

pytestmark = pytest.mark.asyncio
LACKING = Finding(Anomaly.NO_PROGRESS, "stuck: look was called 3 times with the same arguments")


class Scene:
    """The records of one data directory, and the process that was started on them last."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder / "observer.db")
        self.journal = Journal(Redactor([]))
        self.events = 0
        self.raised: list[Alert] = []
        self.now = 1_000_000.0

    async def starts(self, **settings: Any) -> Scene:
        """A process starts: nothing is left of what the last one had in memory."""
        health = Health(**settings)
        self.holds = Holds(self.database, self.journal)
        await self.holds.open()
        self.progress = Progress(self.database, self.journal)
        self.health: RunHealth = run_health(self.database, self.journal, self.holds, **settings)
        services: Any = SimpleNamespace(
            progress=self.progress,
            holds=self.holds,
            configuration=SimpleNamespace(observer=SimpleNamespace(health=health)),
        )
        self.alarm = NoProgressAlarm(services, self._accept)
        return self

    async def _accept(self, source: str, alerts: list[Alert], body: bytes) -> None:
        assert source == "observer"
        known = [alert.event_id for alert in self.raised]
        self.raised += [alert for alert in alerts if alert.event_id not in known]

    def run(self, tenant: str = "acme", *, session: str = "s", resumed: bool = False) -> Run:
        self.events += 1
        name = f"e-{self.events}"
        incident = Incident(tenant, session, name, name, "redis", "", Severity.WARNING, "", "f")
        return Run(incident, "trace", 0, "span", resumed)

    async def makes(self, run: Run, *places: str, tool: str = "look") -> None:
        """Calls, with their rows in the ledger."""
        ledger = Ledger(self.database, self.journal, Spans(self.database))
        for place in places:
            key = run.incident.key(place)
            call, seen = Call(tool), Observation(key, tool, CallStatus.SUCCESS, "")
            purpose = Purpose.REMEDY if place.startswith("remedy") else Purpose.READ
            span = span_of(
                run,
                SpanKind.TOOL_CALL,
                name=tool,
                span_id=key,
                started_ms=0,
                latency_ms=0,
                status="success",
                tool_name=tool,
                tool_version="1",
                args_redacted={},
                result_summary="",
                blast_radius_class=1,
            )
            await ledger.record_observation(
                call, seen, purpose=purpose, run=run, payload=None, span=span
            )
            await self.health.note_call(call, seen, purpose=purpose, run=run)

    async def ends_without_progress(self, tenant: str = "acme") -> None:
        incident = self.run(tenant).incident
        await self.database.write(
            lambda c: self.progress.note(c, incident, "trace", LACKING, self.now)
        )

    async def journal_lines(self) -> list[Any]:
        return await self.database.read(
            lambda c: c.execute("SELECT * FROM journal WHERE kind = 'health'").fetchall()
        )


@pytest_asyncio.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    scene = Scene(tmp_path)
    monkeypatch.setattr(no_progress, "time", SimpleNamespace(time=lambda: scene.now))
    await scene.database.open()
    yield await scene.starts()
    await scene.database.close()


async def test_the_second_run_without_progress_within_five_minutes_freezes_that_tenant_only(
    scene: Scene,
) -> None:
    """Case 33: and on-call is paged, once."""
    await scene.ends_without_progress()
    await scene.ends_without_progress("globex")
    await scene.alarm.look()
    assert scene.holds.listed() == []

    scene.now += 299
    await scene.ends_without_progress()
    for _ in range(3):
        await scene.alarm.look()

    (hold,) = scene.holds.listed()
    assert (hold.tenant_id, hold.cause) == ("acme", HoldCause.NO_PROGRESS)
    assert why_frozen(scene.holds.of("acme")) is not None
    assert why_frozen(scene.holds.of("globex")) is None
    assert may_begin(scene.holds.of("acme"), critical=True)
    (page,) = scene.raised
    assert (page.severity, page.stage, page.tenant_id) == (Severity.CRITICAL, "observer", "acme")
    assert LACKING.seen in page.message
    assert "observer unpause --tenant acme" in page.message


async def test_two_that_lie_further_apart_freeze_nobody(scene: Scene) -> None:
    for _ in range(4):
        await scene.ends_without_progress()
        await scene.alarm.look()
        scene.now += 301
    assert scene.holds.listed() == []


async def test_a_restart_forgets_neither_the_first_nor_the_page(scene: Scene) -> None:
    """Whatever a crash comes between: the first and the second, the freeze and its page."""
    await scene.ends_without_progress()
    await scene.starts()
    await scene.ends_without_progress()
    await scene.starts()
    await scene.alarm.look()
    assert len(scene.raised) == 1

    scene.raised.clear()
    await scene.starts()
    await scene.alarm.look()
    assert [alert.tenant_id for alert in scene.raised] == ["acme"]


async def test_after_unpause_it_takes_two_again(scene: Scene) -> None:
    for _ in range(2):
        await scene.ends_without_progress()
    await scene.alarm.look()
    await scene.holds.lift("acme", HoldCause.NO_PROGRESS)
    await scene.ends_without_progress()
    await scene.starts()
    await scene.alarm.look()
    assert scene.holds.listed() == []
    await scene.ends_without_progress()
    await scene.alarm.look()
    assert len(scene.holds.listed()) == 1
    assert len({alert.event_id for alert in scene.raised}) == 2


async def test_a_run_that_is_stuck_is_refused_what_comes_next_and_the_others_are_not(
    scene: Scene,
) -> None:
    """Case 33: noted once, with the run it is about."""
    stuck, beside = scene.run(), scene.run()
    for number in range(3):
        assert await scene.health.refusal(stuck) is None
        await scene.makes(stuck, f"read/{number}/0/look")
        if number < 2:
            await scene.makes(beside, f"read/{number}/0/look")

    assert await scene.health.refusal(stuck) == (
        "stuck: look was called 3 times with the same arguments"
    )
    assert await scene.health.refusal(beside) is None
    await scene.makes(stuck, "read/4/0/look", "read/5/0/look")
    (line,) = await scene.journal_lines()
    assert '"anomaly": "stuck"' in line["body"]
    (latest,) = scene.health.latest()
    assert (latest["tenant_id"], latest["session_id"]) == ("acme", "s")


async def test_a_model_that_is_asked_about_no_event_is_not_watched(scene: Scene) -> None:
    """Case 85: a verdict on the mission holds nobody, whatever the judge says."""
    await scene.starts(on_anomaly="stop")
    verdict = scene.run()
    verdict = replace(verdict, incident=replace(verdict.incident, severity=Severity.INFO))
    for _ in range(9):
        await scene.health.note_answer(verdict, "")
    assert (scene.holds.listed(), scene.health.latest()) == ([], [])


async def test_what_could_not_be_noted_is_noted_at_the_next_chance(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.starts(on_anomaly="pause")
    run = scene.run()

    async def full(work: Any) -> None:
        raise RecordsUnavailable("full")

    with monkeypatch.context() as trouble:
        for _ in range(2):
            await scene.health.note_answer(run, "")
        trouble.setattr(scene.database, "write", full)
        with pytest.raises(RecordsUnavailable):
            await scene.health.note_answer(run, "")
    assert await scene.health.refusal(run) is not None
    assert len(await scene.journal_lines()) == 1
    assert [hold.tenant_id for hold in scene.holds.listed()] == ["acme"]


async def test_fifty_runs_of_the_same_calls_are_fifty_runs(scene: Scene) -> None:
    """Case 79: a history is one event's."""
    runs = [scene.run() for _ in range(50)]
    for number in range(2):
        for run in runs:
            await scene.makes(run, f"read/{number}/0/look")
    assert [await scene.health.refusal(run) for run in runs] == [None] * 50


async def test_a_restart_in_the_middle_does_not_let_it_go_on(scene: Scene) -> None:
    run = scene.run(resumed=True)
    await scene.makes(run, "read/0/0/look", "read/1/0/look")
    await scene.starts()
    assert await scene.health.refusal(run) is None
    await scene.makes(run, "read/2/0/look")
    await scene.starts()
    assert await scene.health.refusal(run) is not None


@pytest.mark.parametrize(("then", "held"), [("escalate", []), ("pause", ["acme"]), ("stop", ["*"])])
async def test_an_anomaly_holds_whom_the_configuration_says(
    scene: Scene, then: str, held: list[str]
) -> None:
    await scene.starts(on_anomaly=then)
    await scene.makes(scene.run(), *(f"read/{n}/0/look" for n in range(3)))
    assert [hold.tenant_id for hold in scene.holds.listed()] == held
    assert {hold.cause for hold in scene.holds.listed()} <= {HoldCause.HEALTH}


async def test_a_session_that_does_the_same_for_the_third_event_makes_no_progress(
    scene: Scene,
) -> None:
    """Of another session, or of events that were healed in between, nothing counts."""
    found = []
    for session in ("s", "s", "other", "s"):
        run = scene.run(session=session)
        await scene.makes(run, "remedy/0/restart/0", tool="restart")
        found.append(await scene.health.lacking(run.incident, "escalated"))
    assert [f is not None for f in found] == [False, False, False, True]
    assert found[-1].seen == "stuck: 3 events of this session ended in restart, none healed"

    looks = scene.run()
    await scene.makes(looks, "read/0/0/look")
    assert await scene.health.lacking(looks.incident, "escalated") is None

    await scene.database.write(
        lambda c: c.execute(
            "INSERT INTO runs (trace_id, tenant_id, session_id, event_key, status, outcome,"
            " started_at, ended_at) VALUES ('t', 'acme', 's', 'e', 'done', 'resolved', 0, ?)",
            (time.time(),),
        )
    )
    healed = scene.run()
    await scene.makes(healed, "remedy/0/restart/0", tool="restart")
    assert await scene.health.lacking(healed.incident, "escalated") is None


async def test_only_an_event_of_our_own_is_about_ourselves() -> None:
    """Anybody may send an event about a stage of that name."""
    event = Event(event_id="e", session_id="s", stage="observer", message="m", source="observer")
    assert about_ourselves(event)
    assert not about_ourselves(event.model_copy(update={"source": "native"}))
    assert not about_ourselves(event.model_copy(update={"stage": "loading"}))
