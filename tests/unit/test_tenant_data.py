"""What a deletion takes and leaves, table by table."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from observer.domain.event import Event, digest
from observer.domain.redaction import Redactor
from observer.records.database import Database
from observer.records.deletion_orders import DeletionOrders
from observer.records.events import Events
from observer.records.journal import Journal
from observer.records.old_records import OldRecords
from observer.records.past_incidents import PastIncidents
from observer.records.tenant_data import DELETED, KEPT, REDUCED, Found, TenantData

pytestmark = pytest.mark.asyncio(loop_scope="function")

NOW = time.time()
DAY = 86400.0


@asynccontextmanager
async def opened(tmp_path: Path) -> AsyncIterator[tuple[Database, TenantData]]:
    database = Database(tmp_path / "observer.db")
    await database.open()
    past = PastIncidents(database, Journal(Redactor([])))
    yield database, TenantData(database, past, counted_for_s=30 * DAY)
    await database.close()


def session(c: sqlite3.Connection, name: str, status: str = "resolved", age: float = 0.0) -> None:
    at = NOW - age
    c.execute(
        "INSERT INTO sessions (tenant_id, session_id, status, stage, created_at, updated_at)"
        " VALUES ('acme', ?, ?, 'loading', ?, ?)",
        (name, status, at, at),
    )


def event(c: sqlite3.Connection, session_id: str, status: str = "done", **more: Any) -> Event:
    told = Event(
        **{"event_id": f"of-{session_id}", "stage": "loading", "message": "m", **more},
        tenant_id="acme",
        session_id=session_id,
    )
    c.execute(
        "INSERT INTO events (event_key, tenant_id, session_id, status, payload, accepted_at)"
        " VALUES (?, 'acme', ?, ?, ?, ?)",
        (told.key, session_id, status, told.model_dump_json(), NOW),
    )
    return told


def call(c: sqlite3.Connection, session_id: str, key: str, age: float) -> None:
    c.execute(
        "INSERT INTO state_transitions (session_id, trace_id, tenant_id, event_key, iteration,"
        " purpose, tool_name, tool_input_hash, args, idempotency_key, status, result_status,"
        " result_summary, target, timestamp) VALUES (?, 't', 'acme', 'k', 1, 'remedy', 'restart',"
        " 'h', '{\"a\": 1}', ?, 'done', 'success', 'said', 'loading', ?)",
        (session_id, key, NOW - age),
    )


async def delete_all(data: TenantData) -> None:
    while batch := await data.closed("acme", NOW + 1, 2):
        await data.delete([(closed, None) for closed in batch], NOW + 1)


async def test_every_table_that_names_a_tenant_a_session_or_an_event_is_dealt_with(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as (database, _):

        def named(c: sqlite3.Connection) -> set[str]:
            tables = c.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            telling = {"tenant_id", "session_id", "event_key"}
            return {
                table
                for (table,) in tables
                if telling & {column[1] for column in c.execute(f"PRAGMA table_info({table})")}
            }

        assert await database.read(named) == {*DELETED, *REDUCED, *KEPT}


@pytest.mark.parametrize("status", ["queued", "running", "waiting_approval", "suspended"])
async def test_an_open_session_stays(tmp_path: Path, status: str) -> None:
    async with opened(tmp_path) as (database, data):
        await database.write(lambda c: session(c, "open", status))
        assert await data.found("acme", NOW + 1) == Found(0, 1, 0, 0)
        await delete_all(data)
        assert await data.sessions_left("acme") == {"open"}


@pytest.mark.parametrize(
    ("status", "goes"), [("queued", False), ("waiting", False), ("dead", True)]
)
async def test_an_ended_session_with_work_to_do_stays_but_not_for_a_dead_letter(
    tmp_path: Path, status: str, goes: bool
) -> None:
    async with opened(tmp_path) as (database, data):

        def fill(c: sqlite3.Connection) -> None:
            session(c, "ended", "failed")
            event(c, "ended", status)

        await database.write(fill)
        await delete_all(data)
        assert await data.sessions_left("acme") == (frozenset() if goes else {"ended"})


async def test_what_budgets_and_caps_count_stays_as_a_number_until_retention(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as (database, data):

        def fill(c: sqlite3.Connection) -> None:
            session(c, "ended")
            call(c, "ended", "acme/ended/young", age=60)
            call(c, "ended", "acme/ended/old", age=31 * DAY)

        await database.write(fill)
        await delete_all(data)
        (left,) = await database.read(
            lambda c: c.execute("SELECT * FROM state_transitions").fetchall()
        )
        told = {name: left[name] for name in left.keys()}  # noqa: SIM118
        assert told.pop("idempotency_key") == f"deleted/{told.pop('id')}"
        assert told == {
            "session_id": "",
            "trace_id": "",
            "tenant_id": "acme",
            "event_key": "",
            "iteration": 1,
            "purpose": "remedy",
            "tool_name": "restart",
            "tool_input_hash": "",
            "args": "{}",
            "status": "done",
            "result_status": "success",
            "result_summary": None,
            "payload": None,
            "timestamp": pytest.approx(NOW - 60),
            "target": "loading",
        }
        old = OldRecords(database, Journal(Redactor([])))
        assert await old.delete_bare(NOW - 61, 100) == 0
        assert await old.delete_bare(NOW, 100) == 1


async def test_a_delivery_is_known_again_by_its_hash_alone_and_a_subject_counts_anew(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as (database, data):

        def fill(c: sqlite3.Connection) -> None:
            session(c, "ended")
            event(c, "ended", event_id="secret-id", message="secret")
            event(c, "ended", event_id="probe-1", subject="probe", source="gatus")

        await database.write(fill)
        await delete_all(data)
        events = Events(database)
        key = digest("acme", "native", "secret-id")
        known = await events.known([key])
        assert known is not None and known.event_id == key
        rows = await database.read(lambda c: c.execute("SELECT * FROM events").fetchall())
        assert [row["event_key"] for row in rows] == [key]
        assert "secret" not in str([tuple(row) for row in rows])
        # An occurrence that comes next must not be taken for the one that was deleted.
        assert await events.latest_of("acme", "gatus", "probe") is None


async def test_an_order_stays_open_until_it_is_done_and_a_later_one_replaces_it(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as (database, _):
        orders = DeletionOrders(database, Journal(Redactor([])))
        first = await orders.ask("acme", 3600.0)
        assert await orders.open() == [first]
        second = await orders.ask("acme", 0.0)
        await orders.done(first, {}, kept=0, rewritten=[])
        assert await orders.open() == [second]
        await orders.done(second, {"sessions": 1}, kept=0, rewritten=[])
        assert await orders.open() == []


async def test_a_done_order_is_told_with_its_outcome_to_those_it_concerns(tmp_path: Path) -> None:
    async with opened(tmp_path) as (database, _):
        orders = DeletionOrders(database, Journal(Redactor([])))
        for tenant in ("acme", "globex", "acme"):
            order = await orders.ask(tenant, 60.0, by="ann")
            await orders.done(order, {"sessions": 3, "lines": 7}, kept=2, rewritten=["queue.db"])
        latest, *_ = await orders.lately_done("acme", 1)
        assert (latest.before, latest.asked_at, latest.by) == (order.before, order.asked_at, "ann")
        assert (latest.deleted, latest.kept) == ({"sessions": 3, "lines": 7}, 2)
        assert latest.rewritten == ["queue.db"]
        assert NOW <= latest.asked_at <= latest.done_at
        assert [d.tenant_id for d in await orders.lately_done(None, 9)] == [
            "acme",
            "globex",
            "acme",
        ]
        assert [d.tenant_id for d in await orders.lately_done("globex", 9)] == ["globex"]


async def test_a_done_order_is_forgotten_when_it_is_old(tmp_path: Path) -> None:
    async with opened(tmp_path) as (database, _):
        journal = Journal(Redactor([]))
        orders, old = DeletionOrders(database, journal), OldRecords(database, journal)
        for _ in range(2):
            await orders.done(await orders.ask("acme", 0.0), {}, kept=0, rewritten=[])
        first = (await orders.lately_done(None, 9))[-1]
        assert await old.delete_done_orders(first.done_at, 9) == 0
        assert await old.delete_done_orders(NOW + DAY, 1) == 1
        assert first not in await orders.lately_done(None, 9)
        assert await old.delete_done_orders(NOW + DAY, 9) == 1


async def test_an_order_of_an_earlier_release_is_carried_out_and_done_with(tmp_path: Path) -> None:
    """It does not say who gave it."""
    async with opened(tmp_path) as (database, _):
        orders = DeletionOrders(database, Journal(Redactor([])))
        value = '{"tenant_id": "acme", "before": 1790000000.1234567, "asked_at": 1790000000.9}'
        await database.write(
            lambda c: c.execute("INSERT INTO facts VALUES ('deletion/acme', ?)", (value,))
        )
        [order] = await orders.open()
        await orders.done(order, {}, kept=0, rewritten=[])
        assert await orders.open() == []
        assert [done.by for done in await orders.lately_done(None, 9)] == [None]


async def test_a_narrower_order_takes_nothing_from_a_wider_one_and_says_whose_it_is(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as (database, _):
        orders = DeletionOrders(database, Journal(Redactor([])))
        wide = await orders.ask("acme", 0.0, by="ann")
        narrow = await orders.ask("acme", 3600.0, by="bob")
        assert narrow.before == wide.before
        assert await orders.open() == [narrow]
        later = await orders.ask("acme", 0.0)
        assert later.before > wide.before
        rows = await database.read(lambda c: c.execute("SELECT * FROM journal").fetchall())
    said = [str(tuple(row)) for row in rows]
    assert "ann" in said[0] and "bob" in said[1]
