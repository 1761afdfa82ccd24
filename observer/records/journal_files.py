"""The journal's rows to its files, a file a day, each line chained to the one before it."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from observer.records import anchor
from observer.records.chain import GENESIS, line_hash
from observer.records.data_dir import DataDir
from observer.records.database import Connection, Database
from observer.records.journal import Journal
from observer.records.jsonl import BATCH, Lines, add, append, cut_off_torn_line, last_line
from observer.records.keyring import Keyring

_CHAINED = {"seq": int, "hash": str, "prev_hash": str}

logger = logging.getLogger("observer.records")


class JournalFiles:
    """Moves rows to lines; `on_files` runs what waits for the disk on a thread of its own."""

    def __init__(
        self,
        database: Database,
        data_dir: DataDir,
        journal: Journal,
        keyring: Keyring,
        on_files: Callable[..., Awaitable[Any]],
    ) -> None:
        self._database = database
        self._data_dir = data_dir
        self._journal = journal
        self._keyring = keyring
        self._on_files = on_files
        self._end: tuple[int, str] | None = None

    def forget_the_end(self) -> None:
        """It is looked for anew: after a failure the files say how far they got."""
        self._end = None

    async def move(self, tell: Callable[[list[dict[str, Any]]], None]) -> bool:
        """Move the next rows to their files, and tell their lines; true: there may be more.

        Raises:
            OSError: a file cannot be written; its rows stay.
            RecordsUnavailable: the records cannot be used; the rows stay.
            ValueError: the files' end is not what these records wrote.
        """
        if self._end is None:
            self._end = await self._find_end()
        after, digest = self._end
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT * FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", (after, BATCH)
            ).fetchall()
        )
        if not rows:
            return False
        lines: Lines = []
        told: list[dict[str, Any]] = []
        for row in rows:
            line = _line(row, digest, self._keyring.current)
            digest = line_hash(line, self._keyring)
            path = self._data_dir.journal / f"{line['ts'][:10]}.jsonl"
            add(lines, path, json.dumps({**line, "hash": digest}))
            told.append(line)
        await self._on_files(append, lines)
        tell(told)
        last = rows[-1]["seq"]
        self._end = (last, digest)
        await self._forget(last, digest)
        return len(rows) == BATCH

    async def _forget(self, seq: int, digest: str) -> None:
        def work(connection: Connection) -> None:
            connection.execute("DELETE FROM journal WHERE seq <= ?", (seq,))
            anchor.remember(connection, seq, digest, self._keyring)

        await self._database.write(work)

    async def _find_end(self) -> tuple[int, str]:
        """Where the chain goes on. A line that somebody took away is a gap for ever."""
        repaired, end = await self._on_files(self._last_line)
        for what in repaired:
            logger.warning("%s", what)

        def report(connection: Connection) -> None:
            for what in repaired:
                self._journal.append(connection, "journal", reason=what)

        if repaired:
            await self._database.write(report)
        keyring = self._keyring
        remembered = await self._database.read(lambda c: anchor.recall(c, keyring))
        seq, digest, last = end
        if remembered is None or seq <= remembered[0]:
            return await self._go_on(*(remembered or (seq, digest)), last)
        row = await self._database.read(
            lambda c: c.execute("SELECT * FROM journal WHERE seq = ?", (seq,)).fetchone()
        )
        key_id = last.get("key_id")
        if (
            row is None
            or keyring.age(key_id) is None
            or digest != line_hash(_line(row, last["prev_hash"], key_id), keyring)
        ):
            raise ValueError(
                f"{self._data_dir.journal} holds line {seq}, which these records did not write;"
                " move its file out of the folder"
            )
        await self._forget(seq, digest)
        return seq, digest

    async def _go_on(self, seq: int, digest: str, last: dict[str, Any]) -> tuple[int, str]:
        """The end, written with the newest key before any line is: so no such line lacks it."""
        key_id = await self._database.read(anchor.key_of)
        if key_id is None and "key_id" in last:
            raise ValueError("somebody without the journal's key changed its end in observer.db")
        if key_id != self._keyring.current:
            await self._forget(seq, digest)
        return seq, digest

    def _last_line(self) -> tuple[list[str], tuple[int, str, dict[str, Any]]]:
        # Not the newest file by its name: a clock set back over midnight writes to an older one.
        repaired: list[str] = []
        seq, digest, last = 0, GENESIS, {}
        for path in self._data_dir.journal.glob("*.jsonl"):
            if torn := cut_off_torn_line(path):
                repaired.append(f"{path}: cut off a torn last line of {torn} bytes")
            line = last_line(path, _CHAINED)
            if line is not None and line["seq"] > seq:
                seq, digest, last = line["seq"], line["hash"], line
        return repaired, (seq, digest, last)


def _line(row: Any, before: str, key_id: str | None) -> dict[str, Any]:
    return {
        "seq": row["seq"],
        "prev_hash": before,
        **({} if key_id is None else {"key_id": key_id}),
        "ts": datetime.fromtimestamp(row["ts"], UTC).isoformat(timespec="milliseconds"),
        "tenant_id": row["tenant_id"],
        "session_id": row["session_id"],
        "trace_id": row["trace_id"],
        "kind": row["kind"],
        **json.loads(row["body"]),
    }
