"""Questions to a person, as they stand: what is asked, until when, and what was answered."""

from __future__ import annotations

import json
import time
from typing import Any

from observer.domain.approval import Approval, approved_fingerprint
from observer.domain.event import Incident
from observer.errors import UnknownApproval
from observer.records.database import Database


class Questions:
    """Reads `approvals`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, approval_id: str) -> Approval:
        """One approval, whatever its status.

        Raises:
            UnknownApproval: there is none of this id.
        """
        row = await self._database.read(
            lambda c: c.execute("SELECT * FROM approvals WHERE id = ?", (approval_id,)).fetchone()
        )
        if row is None:
            raise UnknownApproval(f"no approval has the id '{approval_id}'")
        return approval_of(row)

    async def pending(
        self, *, tenant_id: str | None = None, session_id: str | None = None
    ) -> list[Approval]:
        """The open questions, oldest first."""
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT * FROM approvals WHERE status = 'pending'"
                " AND tenant_id = coalesce(?, tenant_id)"
                " AND session_id = coalesce(?, session_id) ORDER BY created_at",
                (tenant_id, session_id),
            ).fetchall()
        )
        return [approval_of(row) for row in rows]

    async def is_pending(self, event_key: str) -> bool:
        """Whether an event's question still waits for an answer."""
        return await self.pending_of(event_key) is not None

    async def pending_of(self, event_key: str) -> Approval | None:
        """The open question of one event."""
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT * FROM approvals WHERE event_key = ? AND status = 'pending'", (event_key,)
            ).fetchone()
        )
        return None if row is None else approval_of(row)

    async def answered(self) -> list[Approval]:
        """Answers that no run has taken up yet."""
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT * FROM approvals WHERE answer IS NOT NULL AND applied_at IS NULL"
                " ORDER BY answered_at"
            ).fetchall()
        )
        return [approval_of(row) for row in rows]

    async def latest(self, tenant_id: str, session_id: str) -> Approval | None:
        """The newest approval of a session."""
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT * FROM approvals WHERE tenant_id = ? AND session_id = ?"
                " ORDER BY created_at DESC LIMIT 1",
                (tenant_id, session_id),
            ).fetchone()
        )
        return None if row is None else approval_of(row)

    async def overdue(self) -> list[Approval]:
        """Pending questions whose deadline has passed."""
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT * FROM approvals WHERE status = 'pending' AND deadline <= ?",
                (time.time(),),
            ).fetchall()
        )
        return [approval_of(row) for row in rows]

    async def next_deadline(self) -> float | None:
        """When the next pending question expires, as Unix time."""
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT min(deadline) AS soonest FROM approvals WHERE status = 'pending'"
            ).fetchone()
        )
        return row["soonest"]

    async def permits(self, approval_id: str, incident: Incident, fingerprint: str) -> bool:
        """Whether a person approved exactly these actions for this incident."""
        try:
            approval = await self.get(approval_id)
        except UnknownApproval:
            return False
        return (
            approval.event_key == incident.event_key
            and approval.status == "answered"
            and approved_fingerprint(approval) == fingerprint
        )


def approval_of(row: Any) -> Approval:
    """A row of the table as an approval."""
    return Approval(
        id=row["id"],
        tenant_id=row["tenant_id"],
        session_id=row["session_id"],
        event_key=row["event_key"],
        fingerprint=row["fingerprint"],
        request=json.loads(row["request"]),
        impact=json.loads(row["impact"]),
        similar=json.loads(row["similar"]),
        status=row["status"],
        answer=None if row["answer"] is None else json.loads(row["answer"]),
        deadline=row["deadline"],
        created_at=row["created_at"],
        node=row["node"],
        runs_at=row["runs_at"],
        answered_at=row["answered_at"],
    )
