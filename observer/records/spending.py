"""What a day has used: its beginning, the ledger's calls since, and the money that models cost."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from observer.domain.budget import Meter, Spent
from observer.domain.calls import CallStatus, Purpose
from observer.domain.hold import EVERYBODY
from observer.domain.span import Span, SpanKind
from observer.records.database import Connection, Database
from observer.records.journal import Journal
from observer.records.spans import Spans

_FACT = "budget/day"


@dataclass(frozen=True)
class Begun:
    """The day that goes on, and what of it is already spent: by whom, which meter, for how much."""

    day: date
    after: int
    """The last row of the ledger that is of an earlier day."""
    spent: tuple[tuple[str, Meter, int], ...] = ()


class Spending:
    """The one writer of `spending` and of the fact which day it is."""

    def __init__(self, database: Database, journal: Journal, irreversible: Collection[str]) -> None:
        self._database = database
        self._journal = journal
        self._irreversible = tuple(irreversible)

    async def begun(self) -> Begun | None:
        """The day that an earlier process began; None where there was none."""
        row = await self._database.read(
            lambda c: c.execute("SELECT value FROM facts WHERE name = ?", (_FACT,)).fetchone()
        )
        if row is None:
            return None
        told = json.loads(row["value"])
        spent = tuple((whom, Meter(meter), wanted) for whom, meter, wanted in told["spent"])
        return Begun(date.fromisoformat(told["day"]), told["after"], spent)

    async def begin(self, day: date, midnight: float) -> Begun:
        """Write down that a day has begun, and forget the money of those before it."""

        def work(connection: Connection) -> Begun:
            row = connection.execute(
                "SELECT id FROM state_transitions WHERE timestamp < ? ORDER BY id DESC LIMIT 1",
                (midnight,),
            ).fetchone()
            begun = Begun(day, 0 if row is None else row["id"])
            _write_fact(connection, begun)
            # What is not settled yet goes on the day after.
            connection.execute(
                "DELETE FROM spending WHERE day < ? AND (spent_nano IS NOT NULL OR span IS NULL)",
                (day.isoformat(),),
            )
            self._journal.append(connection, "budget", what="day begins", day=day.isoformat())
            return begun

        return await self._database.write(work)

    async def used(self, begun: Begun) -> dict[str, dict[Meter, int]]:
        """What each tenant has used of a day: its calls that were not refused, and its money.

        A reservation that a crash left is counted as spent.
        """
        marks = ", ".join("?" * len(self._irreversible))
        calls = (
            # By row, not by time: what was written while the clock was back is of this day, too.
            "SELECT tenant_id, count(*) AS calls,"
            f" sum(purpose = ? AND tool_name IN ({marks})) AS irreversible"
            " FROM state_transitions WHERE id > ? AND purpose != ?"
            # The plus keeps the planner on the rows since, and off the index of all tenants.
            " AND coalesce(result_status, '') != ? GROUP BY +tenant_id"
        )
        values = (*self._irreversible, begun.after, Purpose.NOTIFY, CallStatus.REFUSED)
        money = (
            "SELECT tenant_id, sum(coalesce(spent_nano, reserved_nano)) AS nano FROM spending"
            " WHERE day = ? GROUP BY tenant_id"
        )

        def work(connection: Connection) -> dict[str, dict[Meter, int]]:
            used: dict[str, dict[Meter, int]] = {}
            for row in connection.execute(calls, (Purpose.REMEDY, *values)):
                used[row["tenant_id"]] = {
                    Meter.TOOL_CALLS: row["calls"],
                    Meter.IRREVERSIBLE: row["irreversible"],
                }
            for row in connection.execute(money, (begun.day.isoformat(),)):
                used.setdefault(row["tenant_id"], {})[Meter.COST] = row["nano"]
            return used

        return await self._database.read(work)

    async def note_spent(self, begun: Begun, found: Spent, *, pauses: bool) -> None:
        """Write down what is spent, so that a restart knows whether there is room again."""

        def work(connection: Connection) -> None:
            _write_fact(connection, begun)
            self._journal.append(
                connection,
                "budget",
                tenant_id=None if found.whom == EVERYBODY else found.whom,
                what="spent",
                day=begun.day.isoformat(),
                meter=found.meter,
                limit=found.limit,
                reason=found.reason,
                on_exceeded="pause" if pauses else "escalate",
            )

        await self._database.write(work)

    async def reserve(self, day: date, if_cut: Span) -> None:
        """Write down what a call may cost, before it is made: its span if a crash cuts it."""
        row = (
            if_cut.span_id,
            day.isoformat(),
            if_cut.tenant_id,
            if_cut.trace_id,
            if_cut.name,
            if_cut.cost_nano,
            time.time(),
            json.dumps(if_cut.as_record()),
        )
        await self._database.write(
            lambda c: c.execute(
                "INSERT INTO spending (id, day, tenant_id, trace_id, model, reserved_nano,"
                " reserved_at, span) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
        )

    async def settle(self, reservation: str, nano: int) -> None:
        """Write down what it did cost."""
        await self._database.write(
            lambda c: c.execute(
                "UPDATE spending SET spent_nano = ? WHERE id = ?", (nano, reservation)
            )
        )

    async def settle_cut(self, spans: Spans) -> int:
        """At start: settle what a crash left, as its span says; returns how many there were.

        A call whose span died with its process gets the one of the worst case: so the spans, the
        budget and the bill add up to the same.
        """

        def work(connection: Connection) -> int:
            rows = connection.execute(
                "SELECT id, trace_id, reserved_nano, span FROM spending"
                " WHERE spent_nano IS NULL AND span IS NOT NULL ORDER BY reserved_at"
            ).fetchall()
            for row in rows:
                known = connection.execute(
                    "SELECT cost_nano FROM spans WHERE trace_id = ? AND span_id = ?",
                    (row["trace_id"], row["id"]),
                ).fetchone()
                nano = row["reserved_nano"] if known is None else known["cost_nano"]
                if known is None:
                    record = json.loads(row["span"])
                    spans.emit(
                        Span(**{**record, "span_kind": SpanKind(record["span_kind"])}), connection
                    )
                connection.execute(
                    "UPDATE spending SET spent_nano = ? WHERE id = ?", (nano, row["id"])
                )
            return len(rows)

        return await self._database.write(work)


def _write_fact(connection: Connection, begun: Begun) -> None:
    spent: Iterable[tuple[str, Meter, int]] = begun.spent
    value = {"day": begun.day.isoformat(), "after": begun.after, "spent": list(spent)}
    connection.execute(
        "INSERT INTO facts (name, value) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (_FACT, json.dumps(value)),
    )
