"""Questions to a person: bound to the exact action, answered once, never by silence."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from observer.domain.approval import ELAPSED, Approval, fitting
from observer.domain.event import Incident
from observer.errors import ApprovalConflict, ApprovalExpired, UnknownApproval
from observer.records.database import Connection, Database
from observer.records.journal import Journal
from observer.records.questions import Questions, approval_of


class Approvals(Questions):
    """The one writer of `approvals`."""

    def __init__(self, database: Database, journal: Journal) -> None:
        super().__init__(database)
        self._journal = journal

    async def ask(
        self,
        approval_id: str,
        incident: Incident,
        *,
        fingerprint: str,
        request: dict[str, Any],
        impact: list[str],
        similar: Sequence[str] = (),
        deadline_s: float,
        runs_by_itself: bool = False,
    ) -> None:
        """Open a question; asking the same again changes nothing.

        One that runs by itself is ruled on again at its deadline, instead of expiring.
        """
        deadline = time.time() + deadline_s
        runs_at = deadline if runs_by_itself else None
        await self._database.write(
            lambda c: self._ask(
                c,
                approval_id,
                incident,
                fingerprint,
                request,
                {"impact": impact, "similar": list(similar)},
                deadline,
                runs_at,
            )
        )

    def _ask(
        self,
        connection: Connection,
        approval_id: str,
        incident: Incident,
        fingerprint: str,
        request: dict[str, Any],
        known: dict[str, list[str]],
        deadline: float,
        runs_at: float | None,
    ) -> None:
        fresh = connection.execute(
            "INSERT INTO approvals (id, tenant_id, session_id, event_key, fingerprint, request,"
            " impact, similar, status, deadline, created_at, node, runs_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?)"
            " ON CONFLICT (id) DO NOTHING",
            (
                approval_id,
                incident.tenant_id,
                incident.session_id,
                incident.event_key,
                fingerprint,
                json.dumps(request),
                json.dumps(known["impact"]),
                json.dumps(known["similar"]),
                deadline,
                time.time(),
                incident.stage,
                runs_at,
            ),
        ).rowcount
        if fresh:
            what = "asked" if runs_at is None else "waits"
            self._note(
                connection,
                incident.tenant_id,
                incident.session_id,
                approval_id,
                what,
                actions=[{k: a[k] for k in ("name", "args")} for a in request["action_requests"]],
                deadline=datetime.fromtimestamp(deadline, UTC).isoformat(timespec="seconds"),
            )

    async def answer(
        self, approval_id: str, decisions: list[dict[str, Any]], *, by: str | None = None
    ) -> Approval:
        """Write a person's answer down, once, with its author where that is known.

        Raises:
            UnknownApproval: there is none of this id.
            ApprovalConflict: it was answered or withdrawn before.
            ApprovalExpired: its deadline has passed.
            AnswerRejected: the decisions do not fit the question.
        """
        return await self._database.write(lambda c: self.answer_in(c, approval_id, decisions, by))

    async def take_up(
        self, approval_id: str, decisions: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """The decisions a run goes on with: the recorded ones, whatever the graph was handed.

        An answer given to the graph directly, as Studio does, is recorded first.
        """

        def work(connection: Connection) -> list[dict[str, Any]]:
            row = connection.execute(
                "SELECT status, applied_at, tenant_id, session_id FROM approvals WHERE id = ?",
                (approval_id,),
            ).fetchone()
            if row["status"] == "pending":
                self.answer_in(connection, approval_id, decisions)
            connection.execute(
                "UPDATE approvals SET applied_at = ? WHERE id = ?", (time.time(), approval_id)
            )
            if row["applied_at"] is None:
                where = row["tenant_id"], row["session_id"]
                self._note(connection, *where, approval_id, "applied")
            answered = connection.execute(
                "SELECT answer FROM approvals WHERE id = ?", (approval_id,)
            ).fetchone()
            return json.loads(answered["answer"])["decisions"]

        return await self._database.write(work)

    def answer_in(
        self,
        connection: Connection,
        approval_id: str,
        decisions: list[dict[str, Any]],
        by: str | None = None,
    ) -> Approval:
        """The same, in the given transaction."""
        row = connection.execute("SELECT * FROM approvals WHERE id = ?", (approval_id,)).fetchone()
        if row is None:
            raise UnknownApproval(f"no approval has the id '{approval_id}'")
        approval = approval_of(row)
        if approval.status == "expired":
            raise ApprovalExpired
        if approval.status != "pending":
            raise ApprovalConflict(f"approval {approval_id} is already {approval.status}")
        if approval.deadline <= time.time():
            raise ApprovalExpired
        # What a person wrote beside the answer; the action itself stays exact: it is bound.
        said = [{**d, **_only(self._journal.clean(d), "message")} for d in decisions]
        decisions = fitting(approval, said)
        author = {} if by is None else {"by": by}
        self._close(connection, approval, "answered", {"decisions": decisions, **author})
        return approval

    async def end(self, approval: Approval, status: str, note: str) -> bool:
        """Expire or withdraw a pending question; it goes on as a rejection with this note."""
        return await self._end(approval, status, {"type": "reject", "message": note})

    async def elapse(self, approval: Approval) -> bool:
        """The patience of what runs by itself is over: nobody consented, it is ruled on again."""
        return await self._end(approval, ELAPSED, {"type": ELAPSED})

    async def _end(self, approval: Approval, status: str, decision: dict[str, Any]) -> bool:
        def work(connection: Connection) -> bool:
            row = connection.execute(
                "SELECT status FROM approvals WHERE id = ?", (approval.id,)
            ).fetchone()
            if row["status"] != "pending":
                return False
            count = len(approval.request["action_requests"])
            self._close(connection, approval, status, {"decisions": [decision] * count})
            return True

        return await self._database.write(work)

    def _close(
        self, connection: Connection, approval: Approval, status: str, answer: dict[str, Any]
    ) -> None:
        connection.execute(
            "UPDATE approvals SET status = ?, answer = ?, answered_at = ? WHERE id = ?",
            (status, json.dumps(answer), time.time(), approval.id),
        )
        self._note(
            connection, approval.tenant_id, approval.session_id, approval.id, status, **answer
        )

    def _note(
        self,
        connection: Connection,
        tenant_id: str,
        session_id: str,
        approval_id: str,
        what: str,
        **more: Any,
    ) -> None:
        self._journal.append(
            connection,
            "approval",
            tenant_id=tenant_id,
            session_id=session_id,
            approval_id=approval_id,
            what=what,
            **more,
        )


def _only(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    return {key: mapping[key]} if key in mapping else {}
