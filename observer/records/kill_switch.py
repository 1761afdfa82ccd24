"""The kill switch: after the commit that sets it, no remedy's write starts."""

from __future__ import annotations

import time

from observer.domain.hold import EVERYBODY
from observer.records.database import Connection, Database
from observer.records.journal import Journal


class KillSwitch:
    """The one writer of `kill_switches`: for all, or for one tenant. It outlives a restart."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    async def turn(self, tenant_id: str | None, *, on: bool) -> bool:
        """Set or lift it for a tenant, or (None) for all; returns whether that changed anything."""
        whom = tenant_id or EVERYBODY

        def work(connection: Connection) -> bool:
            if on:
                changed = connection.execute(
                    "INSERT INTO kill_switches (tenant_id, set_at) VALUES (?, ?)"
                    " ON CONFLICT (tenant_id) DO NOTHING",
                    (whom, time.time()),
                ).rowcount
            else:
                changed = connection.execute(
                    "DELETE FROM kill_switches WHERE tenant_id = ?", (whom,)
                ).rowcount
            if changed:
                self._journal.append(connection, "kill_switch", tenant_id=tenant_id, on=on)
            return bool(changed)

        return await self._database.write(work)

    async def set_for(self) -> list[str]:
        """For whom it is set: tenants, or `*`."""
        rows = await self._database.read(
            lambda c: c.execute("SELECT tenant_id FROM kill_switches ORDER BY tenant_id").fetchall()
        )
        return [row["tenant_id"] for row in rows]

    async def why_refused(self, tenant_id: str) -> str | None:
        """Why no remedy of this tenant may start; None when it may."""
        return await self._database.read(lambda c: why_refused(c, tenant_id))


def why_refused(connection: Connection, tenant_id: str) -> str | None:
    """Why no remedy of this tenant may start; None when it may.

    To be asked in the transaction that writes an intent down, so that nothing slips between.
    """
    row = connection.execute(
        "SELECT tenant_id FROM kill_switches WHERE tenant_id IN (?, ?)", (tenant_id, EVERYBODY)
    ).fetchone()
    if row is None:
        return None
    whom = "" if row["tenant_id"] == EVERYBODY else f" for tenant '{tenant_id}'"
    return f"the kill switch is on{whom}"
