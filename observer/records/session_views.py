"""What people ask about sessions: how much waits, which there are, what became of one."""

from __future__ import annotations

import json
import time
from typing import Any

from observer.domain.calls import Purpose
from observer.domain.course import Course, Recorded
from observer.records.database import Connection, Database
from observer.records.holds import IS_HELD

_EVENT_IS_HELD = IS_HELD.format(tenant="events.tenant_id")
_IS_HELD = IS_HELD.format(tenant="sessions.tenant_id")
_STATUS = f"iif(sessions.status = 'queued' AND {_IS_HELD}, 'suspended', sessions.status)"
"""What waits because its tenant is held is suspended."""

_ENDED = ("resolved", "escalated", "acknowledged", "failed")


class SessionViews:
    """Reads only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pending(self) -> dict[str, Any]:
        """How much waits: `queued`, `running`, `held`, and the age in seconds of the oldest that
        nothing holds.
        """
        rows = await self._database.read(
            lambda c: c.execute(
                f"SELECT iif(status = 'queued' AND {_EVENT_IS_HELD}, 'held', status) AS status,"
                " count(*) AS number, min(accepted_at) AS oldest FROM events"
                " WHERE status IN ('queued', 'running') GROUP BY 1"
            ).fetchall()
        )
        numbers = {row["status"]: row["number"] for row in rows}
        # What is held on purpose does not age.
        oldest = min((row["oldest"] for row in rows if row["status"] != "held"), default=None)
        return {
            "queued": numbers.get("queued", 0),
            "running": numbers.get("running", 0),
            "held": numbers.get("held", 0),
            "oldest_event_age_s": 0.0 if oldest is None else max(0.0, time.time() - oldest),
        }

    async def waiting(self, tenant_id: str) -> int:
        """How many events of a tenant wait."""
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT count(*) FROM events WHERE status = 'queued' AND tenant_id = ?",
                (tenant_id,),
            ).fetchone()
        )
        return int(row[0])

    async def list(
        self, *, tenant_id: str | None, status: str | None, limit: int
    ) -> list[dict[str, Any]]:
        """The newest sessions first."""
        query, values = list_query(tenant_id=tenant_id, status=status)
        rows = await self._database.read(lambda c: c.execute(query, (*values, limit)).fetchall())
        return [dict(row) for row in rows]

    async def show(self, tenant_id: str, session_id: str) -> dict[str, Any] | None:
        """One session with its events and runs."""

        def work(connection: Connection) -> dict[str, Any] | None:
            who = (tenant_id, session_id)
            session = connection.execute(
                f"SELECT session_id, tenant_id, {_STATUS} AS status, severity, stage, outcome,"
                " report FROM sessions WHERE tenant_id = ? AND session_id = ?",
                who,
            ).fetchone()
            if session is None:
                return None
            events = connection.execute(
                "SELECT payload, status, reason, accepted_at, resolved_at FROM events"
                " WHERE tenant_id = ? AND session_id = ? AND status != 'forgotten' ORDER BY seq",
                who,
            ).fetchall()
            runs = connection.execute(
                "SELECT trace_id, event_key, status, outcome, report, started_at, ended_at"
                " FROM runs WHERE tenant_id = ? AND session_id = ? ORDER BY started_at",
                who,
            ).fetchall()
            return {
                **dict(session),
                "events": [_event_row(row) for row in events],
                "runs": [dict(row) for row in runs],
            }

        return await self._database.read(work)

    async def standing(self, tenant_id: str, session_id: str) -> dict[str, Any] | None:
        """How a session stands: `ended`, and `unwritten` while lines of it wait for the journal."""
        who = (tenant_id, session_id)
        row = await self._database.read(
            lambda c: c.execute(
                f"SELECT session_id, tenant_id, {_STATUS} AS status, severity, stage, outcome,"
                " EXISTS (SELECT 1 FROM journal WHERE tenant_id = ? AND session_id = ?)"
                " AS unwritten FROM sessions WHERE tenant_id = ? AND session_id = ?",
                who * 2,
            ).fetchone()
        )
        if row is None:
            return None
        return {
            **dict(row),
            "ended": row["status"] in _ENDED,
            "unwritten": bool(row["unwritten"]),
        }

    async def course(self, event_key: str) -> Course:
        """The calls that were made for one event, and for how long it is known."""

        def work(connection: Connection) -> Course:
            event = connection.execute(
                "SELECT accepted_at FROM events WHERE event_key = ?", (event_key,)
            ).fetchone()
            rows = connection.execute(
                "SELECT tool_name, tool_input_hash, args, purpose, result_status, payload"
                " FROM state_transitions WHERE event_key = ? AND purpose != ?"
                " AND result_status IS NOT NULL ORDER BY id",
                (event_key, Purpose.NOTIFY),
            ).fetchall()
            calls = [
                Recorded(
                    tool=row["tool_name"],
                    input_hash=row["tool_input_hash"],
                    args=json.loads(row["args"]),
                    purpose=row["purpose"],
                    status=row["result_status"],
                    payload=None if row["payload"] is None else json.loads(row["payload"]),
                )
                for row in rows
            ]
            took = None if event is None else max(0.0, time.time() - event["accepted_at"])
            return Course(calls, took)

        return await self._database.read(work)


def list_query(*, tenant_id: str | None, status: str | None) -> tuple[str, list[str]]:
    """Only the filters that are set: with a placeholder for "any", no index serves."""
    filters = {"tenant_id": tenant_id, "status": "queued" if status == "suspended" else status}
    wanted = {name: value for name, value in filters.items() if value is not None}
    conditions = [f"{name} = ?" for name in wanted]
    if filters["status"] == "queued":
        conditions.append(_IS_HELD if status == "suspended" else f"NOT {_IS_HELD}")
    where = " AND ".join(conditions) or "true"
    return (
        f"SELECT session_id, tenant_id, {_STATUS} AS status, severity, stage, outcome, updated_at"
        f" FROM sessions WHERE {where} ORDER BY updated_at DESC LIMIT ?",
        list(wanted.values()),
    )


def _event_row(row: Any) -> dict[str, Any]:
    payload = json.loads(row["payload"])
    return {
        **{name: payload[name] for name in ("event_id", "severity", "stage", "message")},
        "status": row["status"],
        "reason": row["reason"],
        "accepted_at": row["accepted_at"],
        "resolved_at": row["resolved_at"],
    }
