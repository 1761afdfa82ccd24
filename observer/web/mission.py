"""The route of the mission: how it stands now, and its verdicts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from observer.web.access import ReaderOfAll
from observer.web.bodies import Current
from observer.worker.judge import snapshot_now

mission = APIRouter()


@mission.get("/mission")
async def get_mission(
    caller: ReaderOfAll,
    observer: Current,
    limit: Annotated[int, Field(ge=1, le=1000)] = 50,
) -> dict[str, Any]:
    """The terms, the figures of this moment, and the verdicts that were given, newest first."""
    services = observer.services
    history = await services.mission.history(limit)
    return {
        "terms": services.configuration.observer.mission.terms.model_dump(mode="json"),
        "now": (await snapshot_now(services)).model_dump(mode="json"),
        "latest": history[0] if history else None,
        "history": history,
    }
