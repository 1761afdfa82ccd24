"""Carry out the next step of the remedy: one step a visit, so one checkpoint a step."""

from __future__ import annotations

from typing import Any

from graph.state import ObserverState
from observer.domain.calls import Run
from observer.gateway.dispatcher import Dispatcher


async def remediate(state: ObserverState, dispatcher: Dispatcher, run: Run) -> dict[str, Any]:
    remedy, step = state["remedy"], state["steps_done"]
    assert remedy is not None  # noqa: S101  the arrow here asks for one
    observation = await dispatcher.remedy(
        remedy,
        step,
        # Position, not wording: a model that phrases its reason differently after a crash must
        # not earn a second restart.
        key=state["incident"].key("remedy", len(state["tried"]), remedy.id, step),
        run=run,
    )
    return {
        "observations": [observation],
        "steps_done": step + 1,
        "step_failed": not observation.ok,
        "checks": 0,
        "healthy": None,
        "because": f"{observation.tool}: {observation.status}",
    }
