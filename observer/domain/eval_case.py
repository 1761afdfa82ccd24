"""One event that ended, as a case to try again: what was recorded, and what a label demands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from observer.domain.approval import ELAPSED, Approval
from observer.domain.calls import CallStatus, Purpose
from observer.domain.event import Event, Severity

_REDACTED = re.compile(r"\[redacted[^\]]*\]")
_HASHED = re.compile(r"sha256:[0-9a-f]{12}")
_FREE_TEXT = {"reason", "message", "description", "title", "body", "summary", "incident_key"}
"""Arguments that are words for people: they differ from run to run."""

Outcome = Literal["resolved", "escalated", "acknowledged", "failed"]


class WantedCall(BaseModel):
    """A call that a label names: the tool, and those of its arguments that count."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str
    args: dict[str, Any] = Field(default_factory=dict[str, Any])


class Label(BaseModel):
    """What a person says that must come of an event, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    because: Annotated[str, Field(min_length=1)]
    outcome: Outcome
    severity: Severity | None
    remedy: str | None
    """The last remedy that was considered."""
    does: list[WantedCall]
    """What is changed: exactly this, in this order."""
    reads: list[WantedCall]
    """What is looked at: at least this."""
    told: list[WantedCall]
    """Who is told: exactly these, in whatever order."""
    must_not: list[str] = Field(default_factory=list[str])
    """Tools that may not be called, whatever else changes."""
    says: list[str] = Field(default_factory=list[str])
    """Words of the report."""


class RecordedCall(BaseModel):
    """One tool call with what it answered last; a refused one never reached a tool."""

    model_config = ConfigDict(frozen=True)

    tool: str
    args: dict[str, Any]
    purpose: Purpose
    status: CallStatus
    result: Any = None
    summary: str | None = None
    attempts: int = 1
    """How often it was made; all but the last had failed."""
    at: datetime


class Question(BaseModel):
    """What a person was asked, and what became of it."""

    model_config = ConfigDict(frozen=True)

    asked: list[WantedCall]
    status: str
    decisions: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])


class Override(BaseModel):
    """Whether the approval gate fired in a run, and every question."""

    model_config = ConfigDict(frozen=True)

    fired: bool
    decision: str | None
    questions: list[Question]


class Context(BaseModel):
    """What was so beside the event."""

    model_config = ConfigDict(frozen=True)

    severity: Severity | None
    accepted_at: datetime
    kill_switch: bool = False


class Case(BaseModel):
    """A row of candidates.jsonl, as far as a trial needs it."""

    model_config = ConfigDict(frozen=True)

    input: Event
    context: Context
    tool_calls: list[RecordedCall]
    hitl_override: Override
    outcome: str
    final_output: str | None = None
    cost_nano: int = 0
    """Nano-USD."""
    label: Label | None = None

    @property
    def name(self) -> str:
        """How people know it: its session."""
        return self.input.session_id


def reviewed(asked: Sequence[Approval]) -> dict[str, Any]:
    """Whether a person was asked, and what that person did; `elapsed` waits ask nobody."""
    questions = [
        {
            "asked": [{"tool": a["name"], "args": a["args"]} for a in q.request["action_requests"]],
            "why": next((a["description"] for a in q.request["action_requests"]), None),
            "node": q.node,
            "status": q.status,
            "decisions": [] if q.answer is None else q.answer["decisions"],
            "by": None if q.answer is None else q.answer.get("by"),
        }
        for q in asked
    ]
    gates = [q for q in asked if q.status != ELAPSED]
    return {
        "fired": bool(gates),
        "decision": _decision(gates[-1]) if gates else None,
        "questions": questions,
    }


def _decision(question: Approval) -> str:
    if question.status != "answered" or question.answer is None:
        return question.status
    said = {decision["type"] for decision in question.answer["decisions"]}
    return "rejected" if "reject" in said else "edited" if "edit" in said else "approved"


def label_of(row: Mapping[str, Any], *, because: str, must_not: Iterable[str] = ()) -> Label:
    """The label that demands just what was recorded."""
    case = Case.model_validate(row)
    return Label(
        because=because,
        outcome=cast("Outcome", case.outcome),
        severity=case.context.severity,
        remedy=row.get("remedy"),
        does=wanted(case.tool_calls, Purpose.REMEDY),
        reads=_once(wanted(case.tool_calls, Purpose.READ)),
        told=wanted(case.tool_calls, Purpose.NOTIFY),
        must_not=list(must_not),
    )


def wanted(calls: Iterable[RecordedCall], purpose: Purpose) -> list[WantedCall]:
    """The calls of a purpose that were let through, without words for people."""
    return [
        WantedCall(
            tool=call.tool,
            args={k: v for k, v in call.args.items() if k not in _FREE_TEXT},
        )
        for call in calls
        if call.purpose is purpose and call.status is not CallStatus.REFUSED
    ]


def _once(calls: list[WantedCall]) -> list[WantedCall]:
    return [call for place, call in enumerate(calls) if call not in calls[:place]]


def same_args(one: Any, other: Any) -> bool:
    """Whether two sets of arguments may be the same: what was redacted may be anything."""
    if isinstance(one, dict) and isinstance(other, dict):
        ours, theirs = cast("dict[str, Any]", one), cast("dict[str, Any]", other)
        return ours.keys() == theirs.keys() and all(same_args(ours[k], theirs[k]) for k in ours)
    if isinstance(one, list) and isinstance(other, list):
        items, others = cast("list[Any]", one), cast("list[Any]", other)
        return len(items) == len(others) and all(map(same_args, items, others))
    return one == other or _stands_for(one, other) or _stands_for(other, one)


def _stands_for(written: Any, value: Any) -> bool:
    if not isinstance(written, str):
        return False
    if _HASHED.fullmatch(written) or _REDACTED.fullmatch(written):
        return True
    if not isinstance(value, str) or not _REDACTED.search(written):
        return False
    parts = map(re.escape, _REDACTED.split(written))
    return re.fullmatch(".*".join(parts), value, re.DOTALL) is not None
