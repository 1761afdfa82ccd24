"""Compare what was observed with every known error: log pattern, node and metric, all three."""

from __future__ import annotations

import time
from typing import Any

from graph.state import ObserverState
from observer.domain.evidence import numbers, of_node
from observer.domain.log_lines import recent_lines
from observer.domain.matching import look_up
from observer.domain.runbook import Runbook
from observer.records.ledger import Ledger
from observer.records.memory import Memory


async def look_up_known_error(
    state: ObserverState, memory: Memory, ledger: Ledger, runbook: Runbook
) -> dict[str, Any]:
    node = state["incident"].stage
    observations = [o for o in state["observations"] if o.ok]
    by_key = await ledger.payloads(observations)
    payloads = [by_key.get(o.key) for o in observations]
    window_s = runbook.matching.window
    looked = look_up(
        memory.index,
        node=node,
        lines=recent_lines(payloads, node=node, now=time.time(), window_s=window_s),
        metrics=numbers(of_node(payloads, node)),
        tried=state["tried"],
    )
    if looked.found is not None:
        known = looked.found.known_error
        return {
            "known_error": known.id,
            "remedy": known.remedy,
            "near_misses": looked.near_misses,
            "because": looked.found.reason,
        }
    because = "; ".join(looked.near_misses) or "no error is known"
    return {
        "known_error": None,
        "near_misses": looked.near_misses,
        "because": f"novel: {because}",
    }
