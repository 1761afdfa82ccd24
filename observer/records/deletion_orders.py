"""What was ordered to be deleted and is not yet: an order outlives any restart."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
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
            order = Order(tenant_id, before, now)
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
        orders = [Order(**json.loads(row["value"])) for row in rows]
        return sorted(orders, key=lambda order: order.asked_at)

    async def done(
        self, order: Order, deleted: Mapping[str, int], *, kept: int, rewritten: list[str]
    ) -> None:
        """It is carried out: `kept` sessions are open and stay; these files are written anew."""

        def work(connection: Connection) -> None:
            connection.execute(
                "DELETE FROM facts WHERE name = ? AND value = ?",
                (_PREFIX + order.tenant_id, json.dumps(asdict(order))),
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
