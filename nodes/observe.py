"""Carry out one reading: one tool call, one observation."""

from __future__ import annotations

from typing import Any

from graph.state import Look
from observer.domain.calls import Run
from observer.gateway.dispatcher import Dispatcher


async def observe(state: Look, dispatcher: Dispatcher, run: Run) -> dict[str, Any]:
    reading = state["reading"]
    observation = await dispatcher.read(reading.call, key=reading.key, run=run)
    return {"observations": [observation]}
