"""Compare what was observed with every known error: log pattern, node and metric, all three."""

from __future__ import annotations

import time
from typing import Any

from graph.state import ObserverState
from observer.domain.calls import Call
from observer.domain.dependency_tree import EXTERNAL, DependencyTree
from observer.domain.known_error import KnownError, Match
from observer.domain.looks import lines_of, numbers_of
from observer.domain.matching import look_up
from observer.domain.remedy import Ruling, RulingKind
from observer.domain.runbook import Runbook
from observer.records.ledger import Ledger
from observer.records.memory import Memory


async def look_up_known_error(
    state: ObserverState, memory: Memory, ledger: Ledger, runbook: Runbook, tree: DependencyTree
) -> dict[str, Any]:
    incident = state["incident"]
    # `get`: a run that an earlier release began has no such field.
    path = state.get("path") or []
    if runbook.act_on == "readings" and not path:
        return _nothing_to_repair(state["because"], [])
    found, misses = await _found(state, path or [incident.stage], memory, ledger, runbook)
    node = tree.find(incident.stage)
    if node is not None and node.type == EXTERNAL and (found is None or _acts(found.known_error)):
        why = f"{node.name} is external: detected and reported, not ours to repair"
        return _nothing_to_repair(why, misses)
    if found is not None:
        known = found.known_error
        return {
            "known_error": known.id,
            "remedy": known.remedy,
            "near_misses": misses,
            "because": found.reason,
        }
    because = "; ".join(misses) or "no error is known"
    return {"known_error": None, "near_misses": misses, "because": f"novel: {because}"}


async def _found(
    state: ObserverState, nodes: list[str], memory: Memory, ledger: Ledger, runbook: Runbook
) -> tuple[Match | None, list[str]]:
    """The first match on the way from the cause up, and how near the others came."""
    incident, now, window_s = state["incident"], time.time(), runbook.matching.window
    observed = [o for o in state["observations"] if o.ok]
    payloads = await ledger.payloads(observed)
    misses: dict[str, None] = {}
    for node in nodes:
        looked = look_up(
            memory.index,
            node=node,
            lines=lines_of(incident, node, observed, payloads, now=now, window_s=window_s),
            metrics=numbers_of(incident, node, observed, payloads),
            tried=state["tried"],
            beside=nodes,
        )
        misses |= dict.fromkeys(looked.near_misses)
        if looked.found is not None:
            return looked.found, list(misses)
    return None, list(misses)


def _acts(known: KnownError) -> bool:
    """Whether its fix does more than wait."""
    return known.remedy is not None and any(isinstance(s, Call) for s in known.remedy.steps)


def _nothing_to_repair(why: str, misses: list[str]) -> dict[str, Any]:
    return {
        "known_error": None,
        "near_misses": misses,
        "ruling": Ruling(RulingKind.REFUSE, why),
        "because": why,
    }
