"""The route of a person's thumb on what a session came to."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from observer.web.access import Operator
from observer.web.bodies import Current, JsonBody, body_of, read_body
from observer.web.refusals import REFUSALS

feedback = APIRouter()


class Feedback(BaseModel):
    """Whether a session was handled well, and why."""

    model_config = ConfigDict(extra="forbid")

    feedback: Literal["up", "down"]
    note: Annotated[str, Field(max_length=1000)] | None = None


@feedback.post(
    "/sessions/{session_id}/feedback", responses=REFUSALS, openapi_extra=body_of(Feedback)
)
async def give_feedback(
    body: JsonBody,
    caller: Operator,
    observer: Current,
    session_id: str,
    tenant_id: str | None = None,
) -> dict[str, Any]:
    """Keep it with the session's last eval candidate; the latest word counts."""
    given = read_body(Feedback, body)
    services = observer.services
    tenant = caller.tenant(tenant_id) or "default"
    kept = await services.sessions.candidates.judge(tenant, session_id, given.feedback, given.note)
    services.drain.wake()
    return kept
