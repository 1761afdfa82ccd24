"""From tables to JSONL files: journal, spans and eval candidates, each line exactly once.

The file says how far it got: its last line carries the row's number, so a crash between the
append and the clean-up repeats nothing and loses nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from observer.records.data_dir import DataDir, sync_directory
from observer.records.database import Connection, Database

_BATCH = 500
_TAIL_BYTES = 1 << 20
_PAUSE_S = 0.1
_RETRY_S = 1.0
GENESIS = "0" * 64

Lines = list[tuple[Path, list[str]]]

logger = logging.getLogger("observer.records")


class Drain:
    """One background task that empties the outboxes, and waits quietly when there is nothing."""

    def __init__(self, database: Database, data_dir: DataDir) -> None:
        self._database = database
        self._data_dir = data_dir
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._chain: tuple[int, str] | None = None
        self._watermarks: dict[str, int] = {}
        self._named: set[Path] = set()
        self.broken: str | None = None

    def start(self) -> None:
        """Start draining, beginning with what an earlier process left behind."""
        self._task = asyncio.create_task(self._run())
        self.wake()

    def wake(self) -> None:
        """Something was written."""
        self._wanted.set()

    async def stop(self) -> None:
        """Drain what is left and end."""
        if self._task is not None:
            self._stopping = True
            self.wake()
            await self._task

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                while await self._once():
                    pass
                self.broken = None
            except (OSError, ValueError, sqlite3.Error) as error:
                # Nothing is lost: the rows stay until the file takes them.
                if self.broken is None:
                    logger.error("the journal cannot be written: %s", error)
                self.broken = str(error)
                self._chain = None
                self._watermarks.clear()
                self.wake()
            if self._stopping:
                return
            await asyncio.sleep(_PAUSE_S if self.broken is None else _RETRY_S)

    async def _once(self) -> bool:
        journal = await self._drain_journal()
        spans = await self._drain_records("spans", self._span_file, key="span_row")
        evals = await self._drain_records(
            "eval_candidates", lambda _: self._data_dir.evals, key="row"
        )
        return journal or spans or evals

    async def _drain_journal(self) -> bool:
        if self._chain is None:
            self._chain = await asyncio.to_thread(self._journal_tail)
        after, digest = self._chain
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT * FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", (after, _BATCH)
            ).fetchall()
        )
        if not rows:
            return False
        lines: Lines = []
        for row in rows:
            line = {
                "seq": row["seq"],
                "prev_hash": digest,
                "ts": datetime.fromtimestamp(row["ts"], UTC).isoformat(timespec="milliseconds"),
                "tenant_id": row["tenant_id"],
                "session_id": row["session_id"],
                "trace_id": row["trace_id"],
                "kind": row["kind"],
                **json.loads(row["body"]),
            }
            digest = line_hash(line)
            path = self._data_dir.journal / f"{line['ts'][:10]}.jsonl"
            _add(lines, path, json.dumps({**line, "hash": digest}))
        await asyncio.to_thread(self._append, lines)
        last = rows[-1]["seq"]
        self._chain = (last, digest)

        def forget(connection: Connection) -> None:
            connection.execute("DELETE FROM journal WHERE seq <= ?", (last,))

        await self._database.write(forget)
        return len(rows) == _BATCH

    def _append(self, lines: Lines) -> None:
        for path, texts in lines:
            descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                file.write("".join(text + "\n" for text in texts).encode())
                file.flush()
                os.fsync(file.fileno())
            if path not in self._named:
                # Also a file that was there: who made it may have died before this.
                sync_directory(path.parent)
                self._named.add(path)

    def _journal_tail(self) -> tuple[int, str]:
        # Not the newest file by its name: a clock set back over midnight writes to an older one.
        last = (_last_line(path) for path in self._data_dir.journal.glob("*.jsonl"))
        ends = [(line["seq"], line["hash"]) for line in last if line is not None]
        return max(ends, default=(0, GENESIS))

    def _span_file(self, record: dict[str, Any]) -> Path:
        day = datetime.fromtimestamp(record["timestamp_ms"] / 1000, UTC).date()
        return self._data_dir.spans / f"{day}.jsonl"

    async def _drain_records(
        self, table: str, file_of: Callable[[dict[str, Any]], Path], *, key: str
    ) -> bool:
        if table not in self._watermarks:
            folder = self._data_dir.spans if table == "spans" else self._data_dir.evals.parent
            self._watermarks[table] = await asyncio.to_thread(_watermark, folder, key)
        after = self._watermarks[table]
        rows = await self._database.read(
            lambda c: c.execute(
                f"SELECT id, record FROM {table} WHERE id > ? ORDER BY id LIMIT ?",
                (after, _BATCH),
            ).fetchall()
        )
        if not rows:
            return False
        lines: Lines = []
        for row in rows:
            record = json.loads(row["record"])
            _add(lines, file_of(record), json.dumps({**record, key: row["id"]}))
        await asyncio.to_thread(self._append, lines)
        self._watermarks[table] = rows[-1]["id"]
        return len(rows) == _BATCH


def line_hash(line: dict[str, Any]) -> str:
    """The hash of a journal line: of everything in it but the hash itself."""
    body = {name: value for name, value in line.items() if name != "hash"}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _add(lines: Lines, path: Path, text: str) -> None:
    """In the order of the rows: a crash between two files must leave no gap behind it."""
    if not lines or lines[-1][0] != path:
        lines.append((path, []))
    lines[-1][1].append(text)


def _watermark(folder: Path, key: str) -> int:
    last = (_last_line(path) for path in folder.glob("*.jsonl"))
    return max((line[key] for line in last if line is not None), default=0)


def _last_line(path: Path) -> dict[str, Any] | None:
    """The last whole line; a torn one, left by a crash in mid-write, is cut off."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
        whole = tail.rfind(b"\n") + 1
        if whole != len(tail):
            file.truncate(size - (len(tail) - whole))
            logger.warning("%s: cut off a torn last line of %d bytes", path, len(tail) - whole)
    lines = tail[:whole].splitlines()
    return json.loads(lines[-1]) if lines else None
