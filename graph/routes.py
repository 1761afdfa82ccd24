"""The arrows of the drawing: each reads the state and names where to go, nothing more.

They are coroutines because LangGraph runs a plain function in a thread, a hop for every arrow.
"""

from __future__ import annotations

from typing import Literal

from langgraph.types import Send

from graph.state import Look, ObserverState
from observer.domain.event import Severity
from observer.domain.remedy import ApprovalState, RulingKind


async def after_classify(state: ObserverState) -> Literal["INFO", "WARNING or CRITICAL"]:
    info = state["incident"].severity is Severity.INFO
    return "INFO" if info else "WARNING or CRITICAL"


async def after_investigate(
    state: ObserverState,
) -> list[Send] | Literal["nothing more to read", "recovered"]:
    """Independent readings go out together; each is recorded on its own."""
    # `get`: a run that an earlier release began has no such field.
    if state.get("recovered"):
        return "recovered"
    looks = [Look(incident=state["incident"], reading=reading) for reading in state["plan"]]
    return [Send("observe", look) for look in looks] or "nothing more to read"


async def after_look_up(
    state: ObserverState,
) -> Literal["known", "novel", "nothing to repair here"]:
    ruling = state["ruling"]
    if ruling is not None and ruling.kind is RulingKind.REFUSE:
        return "nothing to repair here"
    return "known" if state["known_error"] is not None else "novel"


async def after_diagnose(
    state: ObserverState,
) -> Literal["needs a reading", "remedy", "not proven"]:
    diagnosis = state["diagnosis"]
    if diagnosis is not None and diagnosis.reading is not None:
        return "needs a reading"
    return "remedy" if state["remedy"] is not None else "not proven"


async def after_seek_approval(
    state: ObserverState,
) -> Literal["allowed or approved", "refused, rejected, expired, or about to ask"]:
    """Before the question waits, people are told of it: that way leads through escalate, too."""
    ruling = state["ruling"]
    allowed = (
        state["approval"] is ApprovalState.NONE
        and ruling is not None
        and ruling.kind is RulingKind.ALLOW
    )
    if allowed or state["approval"] is ApprovalState.APPROVED:
        return "allowed or approved"
    return "refused, rejected, expired, or about to ask"


async def after_remediate(state: ObserverState) -> Literal["next step", "done"]:
    remedy = state["remedy"]
    if remedy is None or state["step_failed"]:
        return "done"
    steps = remedy.steps if state.get("rolling_back") is None else remedy.rollback
    return "next step" if state["steps_done"] < len(steps) else "done"


async def after_verify(
    state: ObserverState,
) -> Literal["look again", "roll back", "still failing", "healthy or spent"]:
    if state.get("rolling_back") is not None:
        return "roll back"
    if state["healthy"] is None:
        return "look again"
    retry = state["healthy"] is False and state["remedy"] is None
    return "still failing" if retry else "healthy or spent"


async def after_escalate(state: ObserverState) -> Literal["next channel", "approval due", "told"]:
    if state["to_tell"] or state["failed"]:
        return "next channel"
    return "approval due" if state["approval"] is ApprovalState.DUE else "told"
