"""Events that were given up after their tries, each with its reason. Reads only."""

from __future__ import annotations

import json
from typing import Any

from observer.records.database import Database

LIST = (
    "SELECT event_key, tenant_id, session_id, payload, attempts, reason, accepted_at,"
    " (SELECT max(ended_at) FROM runs WHERE runs.tenant_id = events.tenant_id"
    " AND runs.session_id = events.session_id AND runs.event_key = events.event_key)"
    " AS given_up_at FROM events WHERE status = 'dead'"
    " AND (? IS NULL OR tenant_id = ?) ORDER BY accepted_at DESC LIMIT ?"
)

COUNTED = "SELECT tenant_id, count(*) AS number FROM events WHERE status = 'dead' GROUP BY 1"


class DeadLetters:
    """What a person may look at and redeliver; `Sessions` writes it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, *, tenant_id: str | None, limit: int) -> list[dict[str, Any]]:
        """The newest first."""
        rows = await self._database.read(
            lambda c: c.execute(LIST, (tenant_id, tenant_id, limit)).fetchall()
        )
        return [_dead_letter(row) for row in rows]

    async def counted(self) -> dict[str, int]:
        """How many there are, by tenant."""
        rows = await self._database.read(lambda c: c.execute(COUNTED).fetchall())
        return {row["tenant_id"]: row["number"] for row in rows}


def _dead_letter(row: Any) -> dict[str, Any]:
    payload = json.loads(row["payload"])
    return {
        "id": row["event_key"],
        **{name: row[name] for name in ("tenant_id", "session_id")},
        **{name: payload[name] for name in ("event_id", "severity", "stage", "message")},
        **{name: row[name] for name in ("attempts", "reason", "accepted_at", "given_up_at")},
    }
