"""Fix the severity of one event: by the hour, its own word, arithmetic, its node, then a model."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel, Field

from graph.state import FRESH, ObserverState, event_of, incident_of
from observer.domain.calls import Run
from observer.domain.dependency_tree import DependencyTree
from observer.domain.event import Event, Severity
from observer.domain.severity import from_facts
from observer.errors import ModelsExhausted
from observer.gateway.models import Models


class Classified(BaseModel):
    """A model's answer."""

    severity: Severity
    reason: str = Field(max_length=500)


async def classify(
    state: ObserverState, config: RunnableConfig, tree: DependencyTree, models: Models, run: Run
) -> dict[str, Any]:
    event = event_of(state["event"], config)
    severity, reason = await _severity(event, tree, models, run)
    incident = incident_of(event, severity, reason)
    return {
        **FRESH,
        # Written back whole: a Studio run that resumes has another run id, and would fill in
        # another event id for what is still the same event.
        "event": event.model_dump(mode="json"),
        "incident": incident,
        "because": f"{severity}: {reason}",
    }


async def _severity(
    event: Event, tree: DependencyTree, models: Models, run: Run
) -> tuple[Severity, str]:
    # Our clock, and the moment of the run: an alert does not choose when it counts.
    now = datetime.fromtimestamp(time.time(), UTC)
    if (known := from_facts(event, tree, now)) is not None:
        return known
    facts = {"stage": event.stage, "message": event.message[:4000]}
    try:
        answer = await models.ask("classify", "classify", Classified, facts=facts, run=run)
    except ModelsExhausted:
        return Severity.WARNING, "unknown severity is treated as WARNING"
    return answer.value.severity, f"{answer.model_id}: {answer.value.reason}"
