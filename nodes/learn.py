"""Count whether a known error's fix held: only what was verified counts."""

from __future__ import annotations

from typing import Any

from graph.state import ObserverState
from observer.domain.calls import CallStatus
from observer.records.memory import Memory


async def learn(state: ObserverState, memory: Memory) -> dict[str, Any]:
    if state["spared"]:
        return {"because": "another session healed it: nothing to learn from this"}
    known, healthy = state["known_error"], state["healthy"]
    if known is None or healthy is None:
        return {"because": "nothing to learn from this"}
    steps = state["incident"].key("remedy", 0, known, "")
    if any(
        o.status is CallStatus.REFUSED and o.key.startswith(steps) for o in state["observations"]
    ):
        return {"because": f"{known} was not tried, so nothing is learned of it"}
    held = known not in state["tried"]
    why = await memory.met(
        known,
        state["incident"],
        held=held,
        proof=proof_of(state),
    )
    if why is not None:
        return {"because": f"{known} is retired from automatic use: {why}"}
    return {"because": f"{known} {'held' if held else 'did not hold'}"}


def proof_of(state: ObserverState) -> str | None:
    """The key of the last look that `verify` took."""
    place = state["incident"].key("verify", "")
    looks = [o.key for o in state["observations"] if o.key.startswith(place)]
    return looks[-1] if looks else None
