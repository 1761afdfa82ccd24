"""The inbox: DBOS Transact on queue.db. An event is committed here before it is answered 202.

Two lanes, because a partitioned queue picks its partitions at random; partitioned by session.
The workflow's id is the event's key, so the same delivery is enqueued once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID

from observer.errors import DataDirUnusable
from observer.records.availability import Availability, explain
from observer.records.database import PATIENCE_S
from observer.records.sqlite_file import PRAGMAS, connect, give_back
from observer.records.versions import QUEUE_VERSION

Item = dict[str, Any]
Handler = Callable[[Item], Awaitable[None]]

LANES = ("critical", "normal")
_EXECUTOR = "observer"
_APPLICATION_VERSION = "pipeline-observer-1"
_ANSWERS = 64
"""Room for people's answers beside the events."""

_OUTCOME_AGAIN_S = 1.0

_handler: Handler | None = None


@DBOS.workflow(name="handle")
async def _handle(item: str) -> None:
    assert _handler is not None  # noqa: S101  set before launch
    await _handler(json.loads(item))


class DurableConnection(sqlite3.Connection):
    """With our settings: DBOS sets neither WAL nor `synchronous`, whose default is the build's."""

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        for pragma in PRAGMAS:
            self.execute(pragma)


class Inbox:
    """What waits to be worked on, durably."""

    def __init__(
        self, path: Path, *, database_url: str | None, polling_interval_s: float, most_events: int
    ) -> None:
        self._path = path
        # Started, not running: the worker's gate decides how many sessions are worked on. All of
        # them, for one that waits for its next try must not keep another from its first.
        self._started_at_once = most_events + _ANSWERS
        self._database_url = database_url
        self._polling_interval_s = polling_interval_s
        self._door = ThreadPoolExecutor(1, thread_name_prefix="observer-queue-door")
        self._closing = threading.Event()
        self.availability = Availability(path, self._probe)

    async def open(self, handler: Handler) -> None:
        """Start the queue; what an earlier process left unfinished is started again.

        Raises:
            DataDirUnusable: queue.db cannot be used.
        """
        try:
            await self._open(handler)
        except Exception as error:
            reason = explain(self._path, error)
            if reason is None:
                raise
            raise DataDirUnusable(reason) from error

    async def _open(self, handler: Handler) -> None:
        global _handler
        _handler = handler
        engine: dict[str, Any] = {}
        if self._database_url is None:
            await asyncio.to_thread(_prepare, self._path)
            engine = {"connect_args": {"factory": DurableConnection}}
        config: DBOSConfig = {
            "name": "pipeline-observer",
            "system_database_url": self._database_url or f"sqlite:///{self._path}",
            # What was to be written is an event: it does not belong in an error message.
            "db_engine_kwargs": {"hide_parameters": True, **engine},
            # One process owns a SQLite directory, so its name may stay the same: what the last
            # one left is this one's. The default version is a hash of the code, and events
            # accepted before a deploy would wait for ever.
            "executor_id": _EXECUTOR,
            "application_version": _APPLICATION_VERSION,
            "log_level": "WARNING",
            "enable_otlp": False,
            # We use no notifications; the listener sleeps so long before it sees the end.
            "notification_listener_polling_interval_sec": 0.5,
            "scheduler_polling_interval_sec": 3600.0,
            "max_executor_threads": 8,
        }
        log = logging.getLogger("dbos")
        log.addFilter(_first_line_only)
        dbos = DBOS(config=config)
        # The launch reads and writes queue.db, so it has a thread of its own; there it sees no
        # loop, and would run our workflows on another than the one our records live on.
        dbos._background_event_loop.set_main_loop()
        await asyncio.to_thread(DBOS.launch)
        _insist_on_outcomes(dbos, self._closing)
        for lane in LANES:
            await DBOS.register_queue_async(
                lane,
                worker_concurrency=self._started_at_once,
                partition_concurrency=1,
                polling_interval_sec=self._polling_interval_s,
                on_conflict="always_update",
            )
        log.setLevel(logging.WARNING)

    async def put(self, item: Item, *, item_id: str, lane: str, session: str) -> None:
        """Commit one item; the same id again changes nothing.

        Raises:
            RecordsUnavailable: it cannot be said that the item is committed.
        """
        self.availability.refuse()
        try:
            async with asyncio.timeout(PATIENCE_S + 0.5):
                # DBOS waits for a lock without end, and holds a thread of the pool meanwhile.
                await self._on_door(_knock, PATIENCE_S)
                with SetWorkflowID(item_id), SetEnqueueOptions(queue_partition_key=session):
                    await DBOS.enqueue_workflow_async(lane, _handle, json.dumps(item))
        except TimeoutError as error:
            raise self.availability.blame(
                f"{self._path} took too long to write; look at what holds it, and at its disk"
            ) from error
        except Exception as error:
            unavailable = self.availability.failed(error)
            if unavailable is None:
                raise
            raise unavailable from error

    async def _probe(self) -> None:
        await self._on_door(_touch, 0.2)

    async def _on_door(self, work: Callable[[Path, float], None], patience_s: float) -> None:
        if self._database_url is None:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._door, work, self._path, patience_s)

    async def forget(self, item_ids: list[str]) -> None:
        """Delete items: the same ids can be put again."""
        if item_ids:
            await DBOS.delete_workflows_async(item_ids)

    async def forget_finished(self, before: datetime, limit: int) -> int:
        """Delete the oldest items that were finished before a moment; returns how many."""
        moment = before.isoformat()
        finished = await DBOS.list_workflows_async(
            status=["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"],
            completed_before=moment,
            # The same again for DBOS's index: nothing is finished before it is put.
            end_time=moment,
            limit=limit,
            load_input=False,
            load_output=False,
        )
        await self.forget([item.workflow_id for item in finished])
        return len(finished)

    async def give_back(self) -> bool:
        """Return some free pages to the disk; true when there is more to return."""
        return self._database_url is None and await asyncio.to_thread(_give_back, self._path)

    async def close(self) -> None:
        """Stop taking items from the queue; unfinished ones stay in it."""
        self.availability.close()
        self._closing.set()
        self._door.shutdown(wait=False, cancel_futures=True)
        # DBOS made its own pool the loop's default, and shuts it down; others still need one.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
        await asyncio.to_thread(DBOS.destroy)


def _give_back(path: Path) -> bool:
    connection = sqlite3.connect(path, timeout=5, isolation_level=None)
    try:
        return give_back(connection)
    finally:
        connection.close()


def _prepare(path: Path) -> None:
    """Before DBOS opens it: ours alone to read, and no race for who switches to the WAL."""
    with closing(connect(path)) as connection:
        connection.execute(f"PRAGMA user_version={QUEUE_VERSION}")


def _knock(path: Path, patience_s: float) -> None:
    with closing(sqlite3.connect(path, timeout=patience_s, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


def _touch(path: Path, patience_s: float) -> None:
    with closing(sqlite3.connect(path, timeout=patience_s, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version={QUEUE_VERSION}")


def _insist_on_outcomes(dbos: DBOS, ending: threading.Event) -> None:
    """An item whose end DBOS cannot write down would block its session until the next start."""
    write = dbos._sys_db.update_workflow_outcome

    def insist(*args: Any, **kwargs: Any) -> bool:
        while True:
            try:
                return write(*args, **kwargs)
            except Exception as error:
                if explain(Path("queue.db"), error) is None or ending.wait(_OUTCOME_AGAIN_S):
                    raise

    dbos._sys_db.update_workflow_outcome = insist


def _first_line_only(record: logging.LogRecord) -> bool:
    """DBOS logs the traceback, the statement and a link to a manual below what happened."""
    happened = record.getMessage().partition("\n")[0].partition("Traceback (")[0]
    record.msg, record.args = happened.rstrip(": "), ()
    record.exc_info = record.exc_text = None
    return True
