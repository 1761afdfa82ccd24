"""Case 11, write by write: SQLite's own "disk is full", made exact by a limit on a file's pages."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from dbos._sys_db import SystemDatabase
from langgraph.checkpoint.base import empty_checkpoint
from sqlalchemy.exc import OperationalError

from observer.domain.autonomy import Level, Rule
from observer.domain.calls import Call, CallStatus, Run
from observer.domain.dependency_tree import DependencyTree
from observer.domain.event import Incident, Severity
from observer.domain.redaction import Redactor
from observer.errors import RecordsUnavailable
from observer.gateway.dispatcher import Dispatcher
from observer.gateway.patience import Patience
from observer.gateway.policy import Policy
from observer.gateway.replies import Reply
from observer.records.approvals import Approvals
from observer.records.checkpoints import open_checkpoints
from observer.records.database import Connection, Database
from observer.records.events import Events
from observer.records.holds import Holds
from observer.records.inbox import _insist_on_outcomes
from observer.records.journal import Journal
from observer.records.ledger import Ledger
from observer.records.spans import Spans
from tests.day_budgets import roomy_budgets
from tests.run_health import run_health

pytestmark = pytest.mark.asyncio
FULL = "PRAGMA max_page_count=1"  # never below what the file has
ROOMY = "PRAGMA max_page_count=1000000"


class Backend:
    """A tool server that notes what it was asked to do, and what the ledger held by then."""

    def __init__(self, intents: Callable[[], Awaitable[list[str]]]) -> None:
        self.done: list[tuple[str, list[str]]] = []
        self._intents = intents

    def takes_key(self, tool: str) -> bool:
        return True

    async def call(self, tool: str, args: dict[str, Any]) -> Reply:
        self.done.append((args["idempotency_key"], await self._intents()))
        return Reply(CallStatus.SUCCESS, {"ok": True}, "ok")

    def version(self, _: str) -> str:
        return "1"


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(tmp_path / "observer.db")
    await made.open()
    yield made
    await made.close()


async def limit(database: Database, pragma: str) -> None:
    def on_writer() -> None:
        assert database._writer is not None
        database._writer.execute(pragma)

    loop = asyncio.get_running_loop()
    await loop.run_in_executor(database._writer_thread, on_writer)


async def well(database: Database) -> None:
    async with asyncio.timeout(10):
        while database.availability.trouble is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def fill(connection: Connection) -> None:
    connection.execute("INSERT INTO facts VALUES ('big', zeroblob(100000))")


async def test_a_full_file_refuses_leaves_nothing_and_is_used_again(database: Database) -> None:
    await limit(database, FULL)
    with pytest.raises(RecordsUnavailable, match=r"observer\.db cannot grow: the disk is full"):
        await database.write(fill)
    await limit(database, ROOMY)
    await well(database)
    await database.write(fill)
    assert await database.read(lambda c: len(c.execute("SELECT * FROM facts").fetchall())) == 1


async def test_a_commit_that_fails_leaves_no_transaction_open(database: Database) -> None:
    def orphan(connection: Connection) -> None:
        connection.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        connection.execute("CREATE TABLE child (p REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
        connection.execute("INSERT INTO child VALUES (1)")

    with pytest.raises(sqlite3.IntegrityError):
        await database.write(orphan)
    await database.write(fill)
    tables = "SELECT count(*) FROM sqlite_master WHERE name IN ('parent', 'child')"
    assert await database.read(lambda c: c.execute(tables).fetchone()[0]) == 0


async def test_no_action_is_taken_whose_intent_is_not_recorded(database: Database) -> None:
    """Cases 11 and 12: the backend is only called once the ledger has the intent."""

    async def intents() -> list[str]:
        query = "SELECT idempotency_key FROM state_transitions WHERE status = 'intent'"
        return await database.read(lambda c: [row[0] for row in c.execute(query)])

    backend = Backend(intents)
    redactor = Redactor([])
    journal = Journal(redactor)
    ledger = Ledger(database, journal, Spans(database))
    holds = Holds(database, journal)
    dispatcher = Dispatcher(
        backend,  # type: ignore[arg-type]
        ledger,
        Approvals(database, journal),
        Policy(
            {"send_slack_alert": Rule("send_slack_alert", Level.FULL, 2)},
            {},
            DependencyTree(),
            ledger,
            Patience(Events(database)),
        ),
        holds,
        run_health(database, journal),
        roomy_budgets(database, journal, ledger, holds),
        redactor,
        reads_valid_for_s=900.0,
    )
    run = a_run()
    call = Call("send_slack_alert", {"message": "m" * 50_000})
    await limit(database, FULL)
    with pytest.raises(RecordsUnavailable):
        await dispatcher.notify(call, key="k", run=run)
    assert backend.done == []
    await limit(database, ROOMY)
    await well(database)
    await dispatcher.notify(call, key="k", run=run)
    assert backend.done == [("k", ["k"])]


def a_run() -> Run:
    reason = "its own word"
    incident = Incident("t", "s", "i", "e", "loading", "slow", Severity.WARNING, reason, "f")
    return Run(incident, "trace", 0, "span")


async def test_a_checkpoint_that_fails_is_not_read_as_if_it_were_saved(tmp_path: Path) -> None:
    config: Any = {"configurable": {"thread_id": "1", "checkpoint_ns": ""}}
    checkpoint = {**empty_checkpoint(), "channel_values": {"x": "y"}}
    async with open_checkpoints(tmp_path / "checkpoints.db", None) as checkpoints:
        # The insert goes through and the commit does not: its file may not grow.
        size = (tmp_path / "checkpoints.db-wal").stat().st_size
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            with pytest.raises(RecordsUnavailable, match=r"checkpoints\.db cannot be written"):
                await checkpoints.aput(config, checkpoint, {}, {})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert not checkpoints.conn.in_transaction
        assert await checkpoints.aget_tuple(config) is None
        await checkpoints.aput(config, checkpoint, {}, {})
        assert await checkpoints.aget_tuple(config) is not None


async def test_a_checkpoint_behind_a_foreign_lock_leaves_no_transaction_open(
    tmp_path: Path,
) -> None:
    """Case 13: an open one would keep its old view, and no later write could ever succeed."""
    config: Any = {"configurable": {"thread_id": "1", "checkpoint_ns": ""}}
    path = tmp_path / "checkpoints.db"
    async with open_checkpoints(path, None) as checkpoints:
        await checkpoints.conn.execute("PRAGMA busy_timeout=50")
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RecordsUnavailable, match=r"checkpoints\.db is locked"):
            await checkpoints.aput(config, empty_checkpoint(), {}, {})
        assert not checkpoints.conn.in_transaction
        holder.execute("CREATE TABLE foreign_work (x)")
        holder.execute("COMMIT")
        holder.close()
        await checkpoints.aput(config, empty_checkpoint(), {}, {})
        assert await checkpoints.aget_tuple(config) is not None


async def test_an_items_end_that_queue_db_cannot_take_is_written_when_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The contract with DBOS: its name, and that a full disk raises out of it."""
    assert callable(SystemDatabase.update_workflow_outcome)
    monkeypatch.setattr("observer.records.inbox._OUTCOME_AGAIN_S", 0.0)
    full = sqlite3.connect(":memory:")
    full.execute("CREATE TABLE t (x)")
    full.execute(FULL)
    tries: list[str] = []

    def write(item: str) -> bool:
        tries.append(item)
        if len(tries) < 3:
            try:
                full.execute("INSERT INTO t VALUES (zeroblob(100000))")
            except sqlite3.Error as error:
                raise OperationalError("INSERT", {}, error) from error
        return True

    dbos: Any = SimpleNamespace(_sys_db=SimpleNamespace(update_workflow_outcome=write))
    _insist_on_outcomes(dbos, threading.Event())
    assert dbos._sys_db.update_workflow_outcome("item")
    assert tries == ["item"] * 3
    full.close()
