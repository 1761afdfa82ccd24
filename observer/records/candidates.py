"""Eval candidates (seed 001, step 8): what an ended event leaves behind for later trials.

A row enters `eval_candidates` in the transaction that ends its event, so there is one if and only
if the event has ended. It is written anew, as a later row under the same `event_key`, when the
event ends once more or a person judges it: in the file the last line of an `event_key` counts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from observer.domain.approval import Approval
from observer.domain.eval_case import reviewed
from observer.domain.event import Severity
from observer.domain.span import FINAL_RESPONSE
from observer.errors import NothingToJudge, UnknownSession
from observer.records.database import Connection, Database
from observer.records.events import StoredEvent
from observer.records.journal import Journal
from observer.records.kill_switch import KillSwitch
from observer.records.questions import approval_of


class EvalCandidates:
    """The one writer of `eval_candidates`. Everything it copies was redacted when it was written.

    `configuration` names the state of the configuration's files.
    """

    def __init__(self, database: Database, journal: Journal, configuration: str = "") -> None:
        self._database = database
        self._journal = journal
        self._kill_switch = KillSwitch(database, journal)
        self._configuration = configuration

    def keep_in(
        self,
        connection: Connection,
        stored: StoredEvent,
        *,
        outcome: str,
        report: str | None,
        severity: Severity | None,
        remedy: str | None,
        reason: str | None,
    ) -> None:
        """Compose the row of an event that ends in the running transaction."""
        event, now = stored.event, time.time()
        traces = [
            row["trace_id"]
            for row in connection.execute(
                "SELECT trace_id FROM runs WHERE tenant_id = ? AND session_id = ?"
                " AND event_key = ? ORDER BY started_at",
                (event.tenant_id, event.session_id, stored.key),
            )
        ]
        spans = _spans(connection, traces)
        models = [span for span in spans if span["span_kind"] == "llm_call"]
        cost = sum(span.get("cost_nano") or 0 for span in models)
        switched_off = self._kill_switch.why_refused_in(connection, event.tenant_id)
        record = {
            "event_key": stored.key,
            "tenant_id": event.tenant_id,
            "session_id": event.session_id,
            "event_id": event.event_id,
            "ended_at": _iso(now),
            "input": event.model_dump(mode="json"),
            "context": {
                "severity": severity,
                "accepted_at": _iso(stored.accepted_at),
                "joined": _joined(connection, stored.key),
                "kill_switch": switched_off is not None,
                "configuration": self._configuration,
            },
            "final_output": report,
            "outcome": outcome,
            "reason": reason,
            "remedy": remedy,
            "steps": _steps(spans),
            "tool_calls": _tool_calls(connection, stored.key, _attempts(spans)),
            "model_calls": [_model_call(span) for span in models],
            "hitl_override": _hitl_override(connection, stored.key),
            "user_feedback": _feedback_on(connection, stored.key),
            "cost_nano": cost,
            "latency_ms": round((now - stored.accepted_at) * 1000),
            "model_versions": sorted({span["model_version"] for span in models}),
            "trace_ids": traces,
        }
        _replace(connection, stored.key, record)

    async def judge(
        self, tenant_id: str, session_id: str, feedback: str, note: str | None
    ) -> dict[str, Any]:
        """A person's thumb on what a session's last ended event came to; the latest word counts.

        Raises:
            UnknownSession: the tenant has no such session.
            NothingToJudge: none of its events has ended in a run.
        """

        def work(connection: Connection) -> dict[str, Any]:
            who = (tenant_id, session_id)
            known = connection.execute(
                "SELECT 1 FROM sessions WHERE tenant_id = ? AND session_id = ?", who
            ).fetchone()
            if known is None:
                raise UnknownSession(f"tenant '{tenant_id}' has no session '{session_id}'")
            row = connection.execute(
                "SELECT event_key, record FROM eval_candidates WHERE event_key IN"
                " (SELECT event_key FROM events WHERE tenant_id = ? AND session_id = ?)"
                " ORDER BY json_extract(record, '$.ended_at') DESC, id DESC LIMIT 1",
                who,
            ).fetchone()
            if row is None:
                raise NothingToJudge(f"nothing has ended in session '{session_id}' yet")
            record = json.loads(row["record"])
            said = self._journal.clean({"note": note})
            given = {"feedback": feedback, **said, "given_at": _iso(time.time())}
            _replace(connection, row["event_key"], {**record, "user_feedback": given})
            self._journal.append(
                connection,
                "feedback",
                tenant_id=tenant_id,
                session_id=session_id,
                event_id=record.get("event_id"),
                feedback=feedback,
                note=note,
            )
            return {"session_id": session_id, "event_id": record.get("event_id"), **given}

        return await self._database.write(work)

    async def of_event(self, event_key: str) -> dict[str, Any] | None:
        """The latest row of an event."""
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT record FROM eval_candidates WHERE event_key = ?", (event_key,)
            ).fetchone()
        )
        return None if row is None else json.loads(row["record"])


def _replace(connection: Connection, event_key: str, record: dict[str, Any]) -> None:
    """Under a new id: what is drained is told by its id, and a later line supersedes."""
    connection.execute("DELETE FROM eval_candidates WHERE event_key = ?", (event_key,))
    connection.execute(
        "INSERT INTO eval_candidates (event_key, record) VALUES (?, ?)",
        (event_key, json.dumps(record, ensure_ascii=False)),
    )


def _spans(connection: Connection, traces: list[str]) -> list[dict[str, Any]]:
    marks = ", ".join("?" * len(traces))
    rows = connection.execute(
        f"SELECT record FROM spans WHERE trace_id IN ({marks}) ORDER BY id", traces
    )
    return [json.loads(row["record"]) for row in rows]


def _steps(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"step": s["name"], "status": s["result_status"], "because": s.get("result_summary")}
        for s in spans
        if s["span_kind"] == "agent_step" and s["name"] != FINAL_RESPONSE
    ]


def _attempts(spans: list[dict[str, Any]]) -> dict[str, int]:
    """How often each call was made, by its key: the ledger has the last answer only."""
    counted: dict[str, int] = {}
    for span in spans:
        if span["span_kind"] == "tool_call":
            key = str((span.get("args_redacted") or {}).get("idempotency_key"))
            counted[key] = counted.get(key, 0) + 1
    return counted


def _model_call(span: Mapping[str, Any]) -> dict[str, Any]:
    names = ("model_id", "model_version", "prompt_version_hash", "result_status")
    figures = ("input_tokens", "output_tokens", "cost_nano", "latency_ms")
    return {name: span.get(name) for name in (*names, *figures)}


def _tool_calls(
    connection: Connection, event_key: str, attempts: Mapping[str, int]
) -> list[dict[str, Any]]:
    rows = connection.execute(
        "SELECT * FROM state_transitions WHERE event_key = ? ORDER BY id", (event_key,)
    )
    return [
        {
            "tool": row["tool_name"],
            "args": json.loads(row["args"]),
            "purpose": row["purpose"],
            # An intent without a result: whether it was done cannot be told.
            "status": row["result_status"] or "unknown",
            "result": None if row["payload"] is None else json.loads(row["payload"]),
            "summary": row["result_summary"],
            "idempotency_key": row["idempotency_key"],
            "attempts": max(1, attempts.get(row["idempotency_key"], 1)),
            "at": _iso(row["timestamp"]),
        }
        for row in rows
    ]


def _hitl_override(connection: Connection, event_key: str) -> dict[str, Any]:
    rows = connection.execute(
        "SELECT * FROM approvals WHERE event_key = ? ORDER BY created_at", (event_key,)
    )
    asked: list[Approval] = [approval_of(row) for row in rows]
    return reviewed(asked)


def _feedback_on(connection: Connection, event_key: str) -> Any:
    row = connection.execute(
        "SELECT json_extract(record, '$.user_feedback') AS said FROM eval_candidates"
        " WHERE event_key = ?",
        (event_key,),
    ).fetchone()
    return None if row is None or row["said"] is None else json.loads(row["said"])


def _joined(connection: Connection, event_key: str) -> list[str]:
    rows = connection.execute(
        "SELECT json_extract(payload, '$.message') AS message FROM events"
        " WHERE joined_to = ? ORDER BY seq",
        (event_key,),
    )
    return [row["message"] for row in rows]


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
