"""A question to a person, its answer, and what exactly was agreed to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from observer.domain.calls import Call
from observer.domain.remedy import Remedy, Step, Wait, fingerprint_of
from observer.errors import AnswerRejected

ELAPSED = "elapsed"
"""The end of a question that nobody had to answer: what was to wait has waited."""


@dataclass(frozen=True)
class Approval:
    """One question and, once given, its answer."""

    id: str
    tenant_id: str
    session_id: str
    event_key: str
    fingerprint: str
    request: dict[str, Any]
    impact: list[str]
    status: str
    answer: dict[str, Any] | None
    deadline: float
    created_at: float
    node: str | None = None
    """What the incident is about; none in a question of an earlier release."""
    similar: list[str] = field(default_factory=list[str])
    """Past incidents that this one is like, and what fixed them."""
    runs_at: float | None = None
    """When it is ruled on again by itself; none where a person must answer."""
    answered_at: float | None = None
    """When it was answered, or ended without an answer."""

    def as_json(self) -> dict[str, Any]:
        """The contract's pending item."""
        return {
            "id": self.id,
            "session_id": self.session_id,
            "tenant_id": self.tenant_id,
            "status": self.status,
            **self.request,
            "deadline": self.deadline,
            "runs_at": self.runs_at,
            "impact": self.impact,
            "similar": self.similar,
            "created_at": self.created_at,
            **({"answered_by": self.answer["by"]} if self.answer and "by" in self.answer else {}),
        }

    def was_answered(self, decision: str, by: str) -> bool:
        """Whether this person gave this answer to all of it."""
        answer = self.answer or {}
        given = {said["type"] for said in answer.get("decisions", [])}
        return self.status == "answered" and answer.get("by") == by and given == {decision}


def said_of(approval: Approval) -> tuple[str, str]:
    """What became of a question in a word, and in the words of whoever ended it."""
    answer = approval.answer or {}
    decisions: list[dict[str, Any]] = answer.get("decisions", [])
    given = " and ".join(dict.fromkeys(d["type"] for d in decisions))
    words = [str(d["message"]) for d in decisions[:1] if d.get("message")]
    by = [f"by {answer['by']}"] if "by" in answer else []
    ended = given if approval.status == "answered" else approval.status
    return ended, "; ".join([approval.id, *by, *words])


def plan_of(remedy: Remedy) -> dict[str, Any]:
    """What an approval covers beside its actions: where it waits, and how many undo the others."""
    waits = {str(i): s.seconds for i, s in enumerate(remedy.steps) if isinstance(s, Wait)}
    return {
        **({"waits": waits} if waits else {}),
        **({"rollback": len(remedy.rollback)} if remedy.rollback else {}),
    }


def approved_fingerprint(approval: Approval) -> str | None:
    """What the person agreed to: the question as asked, or as they edited it."""
    if approval.answer is None:
        return None
    calls: list[Call] = []
    asked = approval.request["action_requests"]
    for request, decision in zip(asked, approval.answer["decisions"], strict=True):
        if decision["type"] not in ("approve", "edit"):
            return None
        action = decision.get("edited_action", request)
        calls.append(Call(action["name"], action["args"]))
    done = len(calls) - approval.request.get("rollback", 0)
    steps: list[Step] = [*calls[:done]]
    for position, seconds in approval.request.get("waits", {}).items():
        steps.insert(int(position), Wait(seconds))
    return fingerprint_of(steps, calls[done:])


def fitting(approval: Approval, decisions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One decision for each asked action; a single approve or reject speaks for all of them.

    Raises:
        AnswerRejected: the decisions do not fit the question.
    """
    asked = approval.request["action_requests"]
    if len(decisions) == 1 and decisions[0]["type"] != "edit":
        return decisions * len(asked)
    if len(decisions) != len(asked):
        raise AnswerRejected(f"{len(asked)} decisions are needed, {len(decisions)} were given")
    for request, decision in zip(asked, decisions, strict=True):
        if decision["type"] != "edit":
            continue
        action = decision["edited_action"]
        # Without a name, as the command line writes it offline, the asked action is meant.
        action["name"] = action["name"] or request["name"]
        if action["name"] != request["name"]:
            raise AnswerRejected(f"only the arguments of {request['name']} can be edited")
    return decisions
