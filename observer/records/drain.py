"""From tables to JSONL files: journal, spans and eval candidates, each line exactly once.

The file says how far it got: its last line carries the row's number, so a crash between the
append and the clean-up repeats nothing and loses nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from observer.errors import RecordsUnavailable
from observer.records.data_dir import DataDir
from observer.records.database import Database
from observer.records.followers import Followers
from observer.records.journal import Journal
from observer.records.journal_files import JournalFiles
from observer.records.jsonl import BATCH, Lines, add, append, watermark
from observer.records.keyring import WITHOUT_KEY, Keyring

_PAUSE_S = 0.1
_SOON_S = 1.0
_RETRY_S = 1.0
_KNOWN = (OSError, ValueError, RecordsUnavailable)
"""What is said by its words alone; anything else shows where it came from."""
T = TypeVar("T")

logger = logging.getLogger("observer.records")


class Drain:
    """One background task that empties the outboxes, and waits quietly when there is nothing."""

    def __init__(
        self,
        database: Database,
        data_dir: DataDir,
        journal: Journal,
        keyring: Keyring = WITHOUT_KEY,
    ) -> None:
        self._database = database
        self._data_dir = data_dir
        # Of its own: whoever blocks the loop's pool must not hold up the journal.
        self._files = ThreadPoolExecutor(1, thread_name_prefix="observer-files")
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._soon: asyncio.TimerHandle | None = None
        self.turn = asyncio.Lock()
        """Held from the reading of rows to their last line; who changes a file takes it."""
        self._journal_files = JournalFiles(database, data_dir, journal, keyring, self._on_files)
        self._watermarks: dict[str, int] = {}
        self.followers = Followers()
        self.broken: str | None = None

    @property
    def drained_spans(self) -> int | None:
        """The last row of `spans` that a file has; None: that is not known yet."""
        return self._watermarks.get("spans")

    def start(self) -> None:
        """Start draining, beginning with what an earlier process left behind."""
        self._task = asyncio.create_task(self._run())
        self._database.notify(self._wake_soon)
        self.wake()

    def wake(self) -> None:
        """Something was written that is to be seen at once."""
        self._wanted.set()

    def _wake_soon(self) -> None:
        """Something was written: whatever it is, it is in the files within a second."""
        if self._soon is None and not self._stopping:
            self._soon = asyncio.get_running_loop().call_later(_SOON_S, self._wake_now)

    def _wake_now(self) -> None:
        self._soon = None
        self.wake()

    async def stop(self) -> None:
        """Drain what is left and end."""
        if self._task is not None:
            self._stopping = True
            if self._soon is not None:
                self._soon.cancel()
            self.wake()
            await self._task
        self._files.shutdown()

    async def _on_files(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._files, work, *args)

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                while await self._round():
                    pass
                self.broken = None
            except Exception as error:
                # Whatever it is, nothing is lost: the rows stay until the file takes them.
                what, unknown = str(error) or repr(error), not isinstance(error, _KNOWN)
                if self.broken is None:
                    logger.error("the journal cannot be written: %s", what, exc_info=unknown)
                self.broken = what
                self._journal_files.forget_the_end()
                self._watermarks.clear()
                self.wake()
            if self._stopping:
                # What was written while the last round was under way needs one more.
                if self.broken is not None or not self._wanted.is_set():
                    return
                continue
            await asyncio.sleep(_PAUSE_S if self.broken is None else _RETRY_S)

    async def _round(self) -> bool:
        async with self.turn:
            return await self._once()

    async def _once(self) -> bool:
        journal = await self._journal_files.move(self.followers.tell)
        spans = await self._drain_records("spans", self._span_file, key="span_row")
        evals = await self._drain_records(
            "eval_candidates", lambda _: self._data_dir.evals, key="row"
        )
        return journal or spans or evals

    def _span_file(self, record: dict[str, Any]) -> Path:
        day = datetime.fromtimestamp(record["timestamp_ms"] / 1000, UTC).date()
        return self._data_dir.spans / f"{day}.jsonl"

    async def _drain_records(
        self, table: str, file_of: Callable[[dict[str, Any]], Path], *, key: str
    ) -> bool:
        if table not in self._watermarks:
            folder = self._data_dir.spans if table == "spans" else self._data_dir.evals.parent
            self._watermarks[table] = await self._on_files(watermark, folder, key)
        after = self._watermarks[table]
        rows = await self._database.read(
            lambda c: c.execute(
                f"SELECT id, record FROM {table} WHERE id > ? ORDER BY id LIMIT ?",
                (after, BATCH),
            ).fetchall()
        )
        if not rows:
            return False
        lines: Lines = []
        for row in rows:
            record = json.loads(row["record"])
            add(lines, file_of(record), json.dumps({**record, key: row["id"]}))
        await self._on_files(append, lines)
        self._watermarks[table] = rows[-1]["id"]
        return len(rows) == BATCH
