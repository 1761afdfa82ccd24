"""For whom nothing is begun, and why. Held work stays queued; a hold outlives a restart."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from observer.domain.hold import EVERYBODY, Hold, HoldCause
from observer.records.database import Connection, Database
from observer.records.journal import Journal

IS_HELD = "EXISTS (SELECT 1 FROM holds WHERE holds.tenant_id IN ({tenant}, '*'))"
"""Whether the tenant of a row is held, in SQL."""

Listener = Callable[[], Awaitable[None]]


class Holds:
    """The one writer of `holds`, with a copy in memory for those who ask before every call."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal
        self._known: dict[tuple[str, HoldCause], Hold] = {}
        self._unwritten: set[tuple[str, HoldCause]] = set()
        """Held all the same, and written down when they are put again."""
        self.listeners: list[Listener] = []
        """Each is called after a change."""

    async def open(self) -> None:
        """Read what an earlier process left."""
        rows = await self._database.read(lambda c: c.execute("SELECT * FROM holds").fetchall())
        for row in rows:
            hold = Hold(row["tenant_id"], HoldCause(row["cause"]), row["reason"], row["since"])
            self._known[hold.tenant_id, hold.cause] = hold

    def of(self, tenant_id: str) -> list[Hold]:
        """What holds a tenant, by itself or together with all."""
        return [hold for hold in self._known.values() if hold.tenant_id in (tenant_id, EVERYBODY)]

    def of_everybody(self) -> list[Hold]:
        """What holds the whole observer."""
        return [hold for hold in self._known.values() if hold.tenant_id == EVERYBODY]

    def listed(self) -> list[Hold]:
        """Every hold, the oldest first."""
        return sorted(self._known.values(), key=lambda hold: hold.since)

    async def put(self, tenant_id: str | None, cause: HoldCause, reason: str) -> bool:
        """Hold a tenant, or (None) all; false where the same cause held already."""
        hold = Hold(tenant_id or EVERYBODY, cause, reason, time.time())

        def work(connection: Connection) -> bool:
            fresh = connection.execute(
                "INSERT INTO holds VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (hold.tenant_id, cause, reason, hold.since),
            ).rowcount
            if fresh:
                self._note(connection, hold, held=True)
            return bool(fresh)

        place = hold.tenant_id, cause
        if place in self._known and place not in self._unwritten:
            return False
        # At once: what would be begun while this is being written must not be.
        self._known[place] = hold
        self._unwritten.add(place)
        try:
            fresh = await self._database.write(work)
            self._unwritten.discard(place)
            return fresh
        finally:
            await self._changed()

    async def lift(self, tenant_id: str | None, *causes: HoldCause) -> list[Hold]:
        """Take holds off a tenant, or (None) those of all; returns what was lifted."""
        whom = tenant_id or EVERYBODY
        lifted = [hold for cause in causes if (hold := self._known.get((whom, cause))) is not None]

        def work(connection: Connection) -> None:
            for hold in lifted:
                connection.execute(
                    "DELETE FROM holds WHERE tenant_id = ? AND cause = ?", (whom, hold.cause)
                )
                self._note(connection, hold, held=False)

        if lifted:
            await self._database.write(work)
            for hold in lifted:
                self._known.pop((whom, hold.cause), None)
                self._unwritten.discard((whom, hold.cause))
            await self._changed()
        return lifted

    async def _changed(self) -> None:
        for listener in self.listeners:
            await listener()

    def _note(self, connection: Connection, hold: Hold, *, held: bool) -> None:
        tenant = None if hold.tenant_id == EVERYBODY else hold.tenant_id
        self._journal.append(
            connection, "hold", tenant_id=tenant, held=held, cause=hold.cause, reason=hold.reason
        )
