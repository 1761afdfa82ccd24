"""Compare what was observed with every known error: log pattern, node and metric, all three."""

from __future__ import annotations

from typing import Any

from graph.state import ObserverState
from observer.domain.evidence import log_lines, numbers
from observer.domain.known_error import match
from observer.records.ledger import Ledger
from observer.records.memory import Memory


async def look_up_known_error(
    state: ObserverState, memory: Memory, ledger: Ledger
) -> dict[str, Any]:
    observations = [o for o in state["observations"] if o.ok]
    by_key = await ledger.payloads(observations)
    payloads = [by_key.get(o.key) for o in observations]
    metrics, lines = numbers(payloads), log_lines(payloads)
    near_misses: list[str] = []
    for known in memory.known_errors:
        if known.id in state["tried"]:
            near_misses.append(f"{known.id} was tried and did not hold")
            continue
        found = match(known, node=state["incident"].stage, lines=lines, metrics=metrics)
        if found.matched:
            return {
                "known_error": known.id,
                "remedy": known.remedy,
                "near_misses": near_misses,
                "because": found.reason,
            }
        near_misses.append(found.reason)
    because = "; ".join(near_misses) or "no error is known"
    return {"known_error": None, "near_misses": near_misses, "because": f"novel: {because}"}
