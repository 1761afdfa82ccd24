"""100,000 sessions: what people and the daemon ask is answered from an index."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from observer.domain.event import Event
from observer.domain.redaction import Redactor
from observer.records.approvals import Approvals
from observer.records.database import Connection, Database
from observer.records.dead_letters import DeadLetters
from observer.records.events import Events
from observer.records.journal import Journal
from observer.records.old_records import OldRecords
from observer.records.session_views import SessionViews

COUNT = 100_000
DEAD, UNFINISHED, PENDING = 20, 100, 50
STATUSES = ("resolved", "escalated", "acknowledged")
BOUNDED = ("events_pending", "events_dead", "approvals_by_status", "approvals_not_applied")
"""What is unfinished is few: to read and to sort all of that is no harm."""


def fill(connection: Connection) -> None:
    """Mostly ended sessions of two tenants, with a few of everything else among them."""
    begin = time.time() - COUNT
    sessions, events, approvals = [], [], []
    for i in range(COUNT):
        who = (f"tenant-{i % 2}", f"s-{i}")
        event = Event(
            event_id=f"e-{i}", tenant_id=who[0], session_id=who[1], stage="loading", message="x"
        )
        left = COUNT - i
        status, of_event, fingerprint = STATUSES[i % 3], "done", f"f-{i}"
        if left <= UNFINISHED:
            status = of_event = "queued"
        elif left % 4_000 == 0 and i // 4_000 < DEAD:
            status, of_event = "failed", "dead"
        sessions.append((*who, status, fingerprint, begin + i, begin + i))
        events.append((event.key, *who, of_event, event.model_dump_json(), begin + i))
        if i % 10 == 0:
            open_question = left <= PENDING * 10
            state = ("pending", None, None) if open_question else ("answered", "{}", begin + i)
            approvals.append((f"a-{i}", *who, event.key, begin + i, begin + i, *state, state[2]))
    connection.executemany(
        "INSERT INTO sessions (tenant_id, session_id, status, fingerprint, created_at,"
        " updated_at, stage) VALUES (?, ?, ?, ?, ?, ?, 'loading')",
        sessions,
    )
    connection.executemany(
        "INSERT INTO events (event_key, tenant_id, session_id, status, payload, accepted_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        events,
    )
    connection.executemany(
        "INSERT INTO approvals (id, tenant_id, session_id, event_key, deadline, created_at,"
        " status, answer, answered_at, applied_at, fingerprint, request, impact)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '{}', '[]')",
        approvals,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(tmp_path_factory: pytest.TempPathFactory) -> Any:
    database = Database(tmp_path_factory.mktemp("many") / "observer.db")
    await database.open()
    await database.write(fill)
    yield database
    await database.close()


Ask = Callable[[Database], Awaitable[Any]]


def listed(**filters: Any) -> Ask:
    wanted = {"tenant_id": None, "status": None, "limit": 50, **filters}
    return lambda database: SessionViews(database).list(**wanted)


def approvals_of(database: Database) -> Approvals:
    return Approvals(database, Journal(Redactor([])))


def old(database: Database) -> OldRecords:
    return OldRecords(database, Journal(Redactor([])))


QUESTIONS: dict[str, tuple[Ask, int]] = {
    "sessions": (listed(), 50),
    "sessions of a tenant": (listed(tenant_id="tenant-1"), 50),
    "sessions of an unknown tenant": (listed(tenant_id="nobody"), 0),
    "sessions by a common status": (listed(status="resolved"), 50),
    "sessions by a rare status": (listed(status="failed"), DEAD),
    "sessions of a tenant by status": (listed(tenant_id="tenant-0", status="failed"), DEAD),
    "sessions that may be joined": (lambda d: Events(d).joinable("tenant-0"), UNFINISHED // 2),
    "the queue's length": (lambda d: SessionViews(d).pending(), 4),
    "left-over events": (lambda d: Events(d).left_over(), UNFINISHED),
    "dead letters": (lambda d: DeadLetters(d).list(tenant_id=None, limit=50), DEAD),
    "dead letters of a tenant": (lambda d: DeadLetters(d).list(tenant_id="none", limit=50), 0),
    "open questions": (lambda d: approvals_of(d).pending(), PENDING),
    "open questions of a tenant": (lambda d: approvals_of(d).pending(tenant_id="none"), 0),
    "answers not taken up": (lambda d: approvals_of(d).answered(), 0),
    "sessions that may go": (lambda d: old(d).ended_sessions(time.time(), 0, None, 20), 20),
    "keys that may go": (lambda d: old(d).old_keys(time.time(), 20), 0),
    "overdue questions": (lambda d: approvals_of(d).overdue(), PENDING),
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_question_reads_an_index_and_sorts_no_table(
    database: Database, question: str
) -> None:
    """Issue 3, retention: `observer sessions` answers fast with 100,000 sessions."""
    ask, expected = QUESTIONS[question]
    asked: list[str] = []
    await database.read(lambda c: c.set_trace_callback(asked.append))
    answer = await ask(database)
    await database.read(lambda c: c.set_trace_callback(None))

    assert len(answer) == expected
    assert asked
    for query in asked:
        plan = await database.read(
            lambda c, q=query: c.execute(f"EXPLAIN QUERY PLAN {q}").fetchall()
        )
        steps = [row["detail"] for row in plan]
        few = any(f"INDEX {name}" in step for step in steps for name in BOUNDED)
        newest = question == "sessions" and steps[0] == "SCAN sessions USING INDEX sessions_by_age"
        far = [step for step in steps if step.startswith(("SCAN", "USE TEMP B-TREE"))]
        assert few or not far[newest:], steps
