"""The power goes at any sync: what a call of ours had promised is still there, and nothing half."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from observer.domain.calls import Call, CallStatus, Observation, Purpose, Run
from observer.domain.event import Event, Incident, Severity
from observer.domain.redaction import Redactor
from observer.domain.span import SpanKind, span_of
from observer.records import sqlite_file
from observer.records.approvals import Approvals
from observer.records.database import Connection, Database
from observer.records.journal import Journal
from observer.records.ledger import Ledger
from observer.records.sessions import Sessions
from observer.records.spans import Spans
from tests.doubles.forgetful_disk import ForgetfulDisk, Image, Moment, put_back
from tests.doubles.sqlite_on_disk import sqlite_on

pytestmark = pytest.mark.slow

STARTS = 2
INCIDENTS = 12
PAYLOAD = "x" * 20_000

SEEDS = (1, 2)

FACTS = """
    SELECT 'event', json_extract(payload, '$.event_id') FROM events
    UNION ALL SELECT 'call', idempotency_key FROM state_transitions
    UNION ALL SELECT 'observation', idempotency_key FROM state_transitions WHERE status = 'done'
    UNION ALL SELECT 'asked', id FROM approvals
    UNION ALL SELECT 'answered', id FROM approvals WHERE answer IS NOT NULL
"""
JOURNAL = """
    SELECT coalesce(json_extract(body, '$.what'), kind),
           coalesce(json_extract(body, '$.event_id'), json_extract(body, '$.idempotency_key'),
                    json_extract(body, '$.approval_id'))
    FROM journal
"""
SPANS = "SELECT 'observation', span_id FROM spans"
SESSIONS = "SELECT 'event', session_id FROM sessions"


async def _use_the_records(path: Path, disk: ForgetfulDisk) -> None:
    """Every call that promises something, from several starts; each says when it has returned."""
    for start in range(STARTS):
        database = Database(path)
        await database.open()
        journal = Journal(Redactor([]))
        spans = Spans(database)
        sessions = Sessions(database, journal)
        ledger = Ledger(database, journal, spans)
        approvals = Approvals(database, journal)
        for number in range(INCIDENTS):
            await _handle(f"{start}-{number}", sessions, ledger, approvals, disk)
        await database.close()


async def _handle(
    name: str, sessions: Sessions, ledger: Ledger, approvals: Approvals, disk: ForgetfulDisk
) -> None:
    note = Event(event_id=f"info-{name}", session_id=f"info-{name}", stage="loading", message="ok")
    await sessions.acknowledge(note, body_hash="h", severity=note.severity, decision="acknowledged")
    disk.acknowledge(("event", note.event_id))

    event = Event(event_id=name, session_id=name, stage="indexing", message="slow")
    await sessions.admit(event, body_hash="h", fingerprint=None)
    disk.acknowledge(("event", name))

    incident = Incident(
        tenant_id=event.tenant_id,
        session_id=name,
        event_id=name,
        event_key=event.key,
        stage=event.stage,
        message=event.message,
        severity=Severity.WARNING,
        severity_reason="the event says so",
        feature=event.feature,
    )
    request = {"action_requests": [{"name": "clear_queue", "args": {}}]}
    await approvals.ask(
        name, incident, fingerprint="f", request=request, impact=[], deadline_s=3600
    )
    disk.acknowledge(("asked", name))
    await approvals.answer(name, [{"type": "approve"}])
    disk.acknowledge(("answered", name))

    run = Run(incident, trace_id=f"trace-{name}", step=3, span_id=f"step-{name}")
    call = Call("clear_queue", {"stage": "indexing"})
    await ledger.intend(call, key=name, purpose=Purpose.REMEDY, run=run)
    disk.acknowledge(("call", name))
    span = span_of(
        run,
        SpanKind.TOOL_CALL,
        name=call.tool,
        span_id=name,
        started_ms=1,
        latency_ms=1.0,
        status="success",
        tool_name=call.tool,
        tool_version="1",
        args_redacted=call.args,
    )
    await ledger.record_observation(
        call,
        Observation(name, call.tool, CallStatus.SUCCESS, "cleared"),
        purpose=Purpose.REMEDY,
        run=run,
        payload=PAYLOAD,
        span=span,
    )
    disk.acknowledge(("observation", name))


def _recorded(folder: Path) -> ForgetfulDisk:
    disk = ForgetfulDisk()
    with sqlite_on(disk):
        asyncio.run(_use_the_records(folder / "observer.db", disk))
    return disk


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> ForgetfulDisk:
    """A disk on which our records were used, with the product's own settings."""
    return _recorded(tmp_path_factory.mktemp("live"))


@pytest.fixture
def reopened(tmp_path: Path) -> Callable[[Image], Connection]:
    """The records as the next start finds them on what is left of the disk."""

    folder = tmp_path / "after"
    folder.mkdir()

    def reopen(image: Image) -> Connection:
        put_back(image, folder)
        connection = sqlite_file.connect(folder / "observer.db")
        sqlite_file.migrate(connection)
        return connection

    return reopen


def _rows(connection: Connection, query: str) -> list[tuple[str, str]]:
    return sorted(tuple(row) for row in connection.execute(query))


def _faults(connection: Connection, moment: Moment) -> list[str]:
    """What is wrong after the power went at this moment."""
    integrity = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    facts = _rows(connection, FACTS)
    of = {kind: [fact for fact in facts if fact[0] == kind] for kind in ("event", "observation")}
    whole = {
        "the journal": (_rows(connection, JOURNAL), facts),
        "the spans": (_rows(connection, SPANS), of["observation"]),
        "the sessions": (_rows(connection, SESSIONS), of["event"]),
    }
    lost = sorted(moment.acknowledged - set(facts))
    return [
        *(f"integrity: {line}" for line in integrity if line != "ok"),
        *(f"{name} and the facts differ" for name, (told, true) in whole.items() if told != true),
        *(f"lost: {fact}" for fact in lost),
    ]


def _all_faults(
    disk: ForgetfulDisk,
    reopened: Callable[[Image], Connection],
    image_of: Callable[[Moment], Image],
) -> list[str]:
    """Of every moment, so that a failure shows where it begins."""
    faults: list[str] = []
    for moment in disk.moments():
        try:
            with closing(reopened(image_of(moment))) as connection:
                found = _faults(connection, moment)
        except sqlite3.Error as error:
            found = [str(error)]
        faults += [f"sync {moment.number}: {fault}" for fault in found]
    return faults


def test_power_cut_at_every_sync_loses_nothing_that_was_acknowledged(
    disk: ForgetfulDisk, reopened: Callable[[Image], Connection]
) -> None:
    """Case 8, guarantee 1: exactly what was synced is left."""
    assert _all_faults(disk, reopened, Moment.synced_only) == []


def test_power_cut_that_keeps_what_was_not_synced_leaves_nothing_half_done(
    disk: ForgetfulDisk, reopened: Callable[[Image], Connection]
) -> None:
    """Case 8: the file system had written everything of its own accord."""
    assert _all_faults(disk, reopened, Moment.everything) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_power_cut_that_keeps_some_of_what_was_not_synced_and_tears_it_loses_nothing(
    disk: ForgetfulDisk, reopened: Callable[[Image], Connection], seed: int
) -> None:
    """Case 8: any part of it, in any order, torn between sectors."""
    random = Random(seed)
    assert _all_faults(disk, reopened, lambda moment: moment.some(random)) == []


def test_the_same_power_cut_with_synchronous_normal_loses_acknowledged_facts(
    tmp_path: Path, reopened: Callable[[Image], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 8: so these tests can fail, and FULL is what they rest on."""
    normal = [pragma.replace("FULL", "NORMAL") for pragma in sqlite_file.PRAGMAS]
    monkeypatch.setattr(sqlite_file, "PRAGMAS", normal)

    faults = _all_faults(_recorded(tmp_path), reopened, Moment.synced_only)

    assert any("lost" in fault for fault in faults)
    assert [fault for fault in faults if "lost" not in fault] == []


def test_the_disk_holds_in_the_end_what_the_real_file_holds(tmp_path: Path) -> None:
    """The double is told of every write: otherwise the tests above would show nothing."""
    disk = _recorded(tmp_path)
    *_, last = disk.moments()
    assert last.everything() == {"observer.db": (tmp_path / "observer.db").read_bytes()}
    assert last.number > len(last.acknowledged) > 0
