"""What was ordered to be deleted: an order outlives any restart, and is told of when it is done."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from observer.records.database import Connection, Database
from observer.records.journal import Journal

_PREFIX = "deletion/"


@dataclass(frozen=True)
class Order:
    """Delete a tenant's data that has not changed since a moment, as Unix time."""

    tenant_id: str
    before: float
    asked_at: float
    by: str | None = None
    """The name of the token it came with."""


@dataclass(frozen=True, kw_only=True)
class Done(Order):
    """An order that is carried out, as it was told in the journal."""

    done_at: float
    deleted: Mapping[str, int]
    """How many, by kind; of an order that a crash cut, what went since."""
    kept: int
    """Sessions that are open and stay."""
    rewritten: Sequence[str]
    """Databases that were written anew."""


class DeletionOrders:
    """One a tenant: of two, what either would delete is deleted."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    async def ask(self, tenant_id: str, older_than_s: float, *, by: str | None = None) -> Order:
        """Write an order down, in the journal as well, with the name of whose token it came."""
        now = time.time()

        def work(connection: Connection) -> Order:
            earlier = connection.execute(
                "SELECT json_extract(value, '$.before') AS before FROM facts WHERE name = ?",
                (_PREFIX + tenant_id,),
            ).fetchone()
            before = now - older_than_s
            before = before if earlier is None else max(before, earlier["before"])
            order = Order(tenant_id, before, now, by)
            connection.execute(
                "INSERT INTO facts (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (_PREFIX + tenant_id, json.dumps(asdict(order))),
            )
            self._append(connection, order, "asked", **({} if by is None else {"by": by}))
            return order

        return await self._database.write(work)

    async def open(self) -> list[Order]:
        """Those that are not carried out, the oldest first."""
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT value FROM facts WHERE name >= ? AND name < ?",
                (_PREFIX, _PREFIX + "\U0010ffff"),
            ).fetchall()
        )
        orders = [_read(row["value"]) for row in rows]
        return sorted(orders, key=lambda order: order.asked_at)

    async def lately_done(self, tenant_id: str | None, limit: int) -> list[Done]:
        """Those that are carried out, of one tenant or of all, the latest first."""
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT tenant_id, before, asked_at, asked_by AS by, done_at, deleted, kept,"
                " rewritten FROM deletions_done WHERE ? IS NULL OR tenant_id = ?"
                " ORDER BY id DESC LIMIT ?",
                (tenant_id, tenant_id, limit),
            ).fetchall()
        )
        told = ("deleted", "rewritten")
        return [Done(**{**row, **{name: json.loads(row[name]) for name in told}}) for row in rows]

    async def done(
        self, order: Order, deleted: Mapping[str, int], *, kept: int, rewritten: list[str]
    ) -> None:
        """It is carried out: `kept` sessions are open and stay; these files are written anew."""

        def work(connection: Connection) -> None:
            name = _PREFIX + order.tenant_id
            latest = connection.execute(
                "SELECT value FROM facts WHERE name = ?", (name,)
            ).fetchone()
            # Another that came meanwhile is open still.
            if latest is not None and _read(latest["value"]) == order:
                connection.execute("DELETE FROM facts WHERE name = ?", (name,))
            connection.execute(
                "INSERT INTO deletions_done (tenant_id, before, asked_at, asked_by, done_at,"
                " deleted, kept, rewritten) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    order.tenant_id,
                    order.before,
                    order.asked_at,
                    order.by,
                    time.time(),
                    json.dumps(dict(deleted)),
                    kept,
                    json.dumps(rewritten),
                ),
            )
            self._append(
                connection, order, "done", deleted=dict(deleted), kept=kept, rewritten=rewritten
            )

        await self._database.write(work)

    def _append(self, connection: Connection, order: Order, what: str, **more: Any) -> None:
        self._journal.append(
            connection,
            "deletion",
            tenant_id=order.tenant_id,
            what=what,
            before=order.before,
            **more,
        )


def _read(text: str) -> Order:
    """What an earlier release wrote does not say who ordered it."""
    return Order(**json.loads(text))
