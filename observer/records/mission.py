"""The mission's count of finished runs, and its verdicts: due, judged once, kept for the trend."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any

from observer.domain.mission import OWN_SESSION, OWN_TENANT, Judgement, Snapshot, Trend
from observer.records.database import Connection, Database
from observer.records.journal import Journal

_RUNS = "mission/runs"
HOUR_S = 3600


@dataclass(frozen=True)
class Due:
    """A verdict that is to be given."""

    runs: int
    """How many runs had finished when it became due: its identity."""
    snapshot: Snapshot | None
    """Taken before a crash; None: not yet."""


class Mission:
    """The one writer of `mission_verdicts` and `duplicate_deliveries`."""

    def __init__(self, database: Database, journal: Journal, eval_every: int) -> None:
        self._database = database
        self._journal = journal
        self._eval_every = eval_every
        self._duplicates = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self.wanted = asyncio.Event()
        """Set when a verdict becomes due."""
        self.latest: dict[str, Any] | None = None
        """The newest verdict, as `of_row` shows it, without its figures."""

    async def open(self) -> None:
        """Read the newest verdict; what is due from an earlier process is wanted at once."""
        self._loop = asyncio.get_running_loop()
        history = await self.history(1)
        if history:
            self.latest = _brief(history[0])
        self.wanted.set()

    def count_run(self, connection: Connection) -> None:
        """A run has finished, in the transaction of its end: so each is counted exactly once."""
        runs = connection.execute(
            "INSERT INTO facts (name, value) VALUES (?, '1')"
            " ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1 RETURNING value",
            (_RUNS,),
        ).fetchone()["value"]
        if int(runs) % self._eval_every == 0:
            connection.execute(
                "INSERT INTO mission_verdicts (runs, due_at) VALUES (?, ?)",
                (int(runs), time.time()),
            )
            self._database.after_commit(self._want)

    def _want(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.wanted.set)

    def note_duplicate(self) -> None:
        """A delivery was recognised as one that came before."""
        self._duplicates += 1

    async def write_duplicates(self) -> None:
        """Write down what was noted; each on its own would cost a sender's flood a commit each."""
        number, hour = self._duplicates, int(time.time()) // HOUR_S
        if number:
            await self._database.write(
                lambda c: c.execute(
                    "INSERT INTO duplicate_deliveries (hour, number) VALUES (?, ?)"
                    " ON CONFLICT (hour) DO UPDATE SET number = number + excluded.number",
                    (hour, number),
                )
            )
            self._duplicates -= number

    async def due(self) -> Due | None:
        """The oldest verdict that is due."""
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT runs, snapshot FROM mission_verdicts WHERE judged_at IS NULL"
                " ORDER BY runs LIMIT 1"
            ).fetchone()
        )
        if row is None:
            return None
        taken = row["snapshot"]
        return Due(row["runs"], None if taken is None else Snapshot.model_validate_json(taken))

    async def keep_snapshot(self, runs: int, snapshot: Snapshot) -> None:
        """Write a snapshot down before it is judged: a crash does not take another one."""
        await self._database.write(
            lambda c: c.execute(
                "UPDATE mission_verdicts SET snapshot = ? WHERE runs = ? AND judged_at IS NULL",
                (snapshot.model_dump_json(), runs),
            )
        )

    async def before(self, runs: int) -> Snapshot | None:
        """The snapshot that was judged before one."""
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT snapshot FROM mission_verdicts WHERE runs < ? AND judged_at IS NOT NULL"
                " ORDER BY runs DESC LIMIT 1",
                (runs,),
            ).fetchone()
        )
        return None if row is None else Snapshot.model_validate_json(row["snapshot"])

    async def keep_verdict(
        self,
        due: Due,
        judgement: Judgement,
        *,
        trend: Trend | None,
        model_id: str,
        trace_id: str,
        percent: float | None,
    ) -> None:
        """Write a verdict down with its journal line, once."""

        def work(connection: Connection) -> dict[str, Any] | None:
            row = connection.execute(
                "UPDATE mission_verdicts SET verdict = ?, advice = ?, reasons = ?, trend = ?,"
                " model_id = ?, trace_id = ?, judged_at = ? WHERE runs = ? AND judged_at IS NULL"
                " RETURNING *",
                (
                    judgement.verdict,
                    judgement.advice,
                    json.dumps(judgement.reasons),
                    trend,
                    model_id,
                    trace_id,
                    time.time(),
                    due.runs,
                ),
            ).fetchone()
            if row is None:
                return None
            self._journal.append(
                connection,
                "mission",
                tenant_id=OWN_TENANT,
                session_id=OWN_SESSION,
                trace_id=trace_id,
                runs=due.runs,
                verdict=judgement.verdict,
                advice=judgement.advice,
                reasons=judgement.reasons,
                trend=trend,
                model=model_id,
                uptime_percent=percent,
            )
            return _verdict(row)

        kept = await self._database.write(work)
        if kept is not None:
            self.latest = _brief(kept)

    async def history(self, limit: int) -> list[dict[str, Any]]:
        """The verdicts that were given, the newest first, each with its figures."""
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT * FROM mission_verdicts WHERE judged_at IS NOT NULL"
                " ORDER BY runs DESC LIMIT ?",
                (limit,),
            ).fetchall()
        )
        return [_verdict(row) for row in rows]

    async def forget(self, before: float) -> None:
        """Delete verdicts, their spans and counts of before a moment; the newest verdict stays."""

        def work(connection: Connection) -> None:
            connection.execute(
                "DELETE FROM mission_verdicts WHERE judged_at < ?"
                " AND runs < (SELECT max(runs) FROM mission_verdicts)",
                (before,),
            )
            connection.execute(
                "DELETE FROM duplicate_deliveries WHERE hour < ?", (int(before) // HOUR_S,)
            )
            connection.execute(
                "DELETE FROM spans WHERE tenant_id = ? AND session_id = ? AND timestamp_ms < ?",
                (OWN_TENANT, OWN_SESSION, int(before * 1000)),
            )

        await self._database.write(work)


def _verdict(row: Row) -> dict[str, Any]:
    return {
        "runs": row["runs"],
        "verdict": row["verdict"],
        "advice": row["advice"],
        "reasons": json.loads(row["reasons"]),
        "trend": row["trend"],
        "model_id": row["model_id"],
        "trace_id": row["trace_id"],
        "due_at": row["due_at"],
        "judged_at": row["judged_at"],
        "snapshot": json.loads(row["snapshot"]),
    }


def _brief(verdict: dict[str, Any]) -> dict[str, Any]:
    """What `/health` says of a verdict."""
    told = ("verdict", "advice", "reasons", "trend", "runs", "model_id", "judged_at")
    brief = {name: verdict[name] for name in told}
    return {**brief, "uptime_percent": verdict["snapshot"]["uptime"]["percent"]}
