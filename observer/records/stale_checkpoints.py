"""checkpoints.db beyond what LangGraph's saver offers: drop what no run will ask for again.

On the saver's own connection and under its lock, so a run never sees half a deletion.
"""

from __future__ import annotations

import sqlite3

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from observer.records.old_records import StaleThread
from observer.records.sqlite_file import EMPTY_LOG, FREE_PAGES, GIVE_BACK, enough_to_give_back

_LATEST = (
    "(SELECT max(checkpoint_id) FROM checkpoints AS latest"
    " WHERE latest.thread_id = {table}.thread_id"
    " AND latest.checkpoint_ns = {table}.checkpoint_ns)"
)


class StaleCheckpoints:
    """Deletes only: the saver writes."""

    def __init__(self, saver: AsyncSqliteSaver) -> None:
        self._saver = saver

    async def latest(self, thread_id: str) -> str | None:
        """The id of a thread's newest checkpoint."""
        async with self._saver.lock:
            found = await self._saver.conn.execute_fetchall(
                "SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = ?", (thread_id,)
            )
        return next(iter(found))[0]

    async def clear(self, threads: list[StaleThread]) -> None:
        """Delete what the notes say, in one commit: all up to a checkpoint, or all but the latest.

        Writes before checkpoints: the latest is asked of these.
        """
        async with self._saver.lock:
            try:
                for thread in threads:
                    await self._clear(thread)
                await self._saver.conn.commit()
            except sqlite3.Error:
                await self._saver.conn.rollback()
                raise

    async def _clear(self, thread: StaleThread) -> None:
        for table in ("writes", "checkpoints"):
            if thread.upto is None:
                until, values = f"< {_LATEST.format(table=table)}", (thread.thread_id,)
            else:
                until, values = "<= ?", (thread.thread_id, thread.upto)
            await self._saver.conn.execute(
                f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_id {until}", values
            )

    async def give_back(self) -> bool:
        """Return some free pages to the disk; true when there is more to return."""
        async with self._saver.lock:
            if not enough_to_give_back(await self._free_pages()):
                return False
            await self._saver.conn.executescript(GIVE_BACK)
            return enough_to_give_back(await self._free_pages())

    async def rewrite(self) -> None:
        """Write the file anew; who saves waits meanwhile."""
        async with self._saver.lock:
            await self._saver.conn.execute("VACUUM")

    async def empty_log(self) -> bool:
        """Take what the WAL still holds of older pages out of it; false: somebody reads in it."""
        async with self._saver.lock:
            found = await self._saver.conn.execute_fetchall(EMPTY_LOG)
        return next(iter(found))[0] == 0

    async def _free_pages(self) -> int:
        found = await self._saver.conn.execute_fetchall(FREE_PAGES)
        return next(iter(found))[0]
