"""Learn from what was verified: whether a known error's fix held, or a fix that was new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graph.state import ObserverState
from observer.domain.calls import CallStatus, Observation
from observer.domain.conditions import Truth, parse_condition
from observer.domain.dependency_tree import DependencyTree
from observer.domain.learning import condition_for, entry_of, healed_by, named
from observer.domain.looks import LOOK, lines_of, numbers_of, of_kind
from observer.domain.mining import mine, template
from observer.domain.node_check import look_of
from observer.domain.runbook import Runbook
from observer.domain.walk import Health
from observer.errors import ConfigurationError
from observer.records.learned import Learned
from observer.records.ledger import Ledger
from observer.records.memory import Memory


async def learn(
    state: ObserverState,
    memory: Memory,
    learned: Learned,
    ledger: Ledger,
    runbook: Runbook,
    tree: DependencyTree,
) -> dict[str, Any]:
    before, after = _around_the_remedy(state)
    if await _was_healthy(state, before, ledger, runbook, tree):
        node = state["incident"].stage
        lines = await _lines(state, node, before, ledger, runbook)
        await learned.healthy_lines.note(node, {template(line) for line in lines})
        found = None
    else:
        found = await _novel(state, before, after, memory, learned, ledger, runbook, tree)
    if state["spared"]:
        return {"because": "another session healed it: nothing to learn from this"}
    counted = await _counted(state, memory)
    reasons = [reason for reason in (counted, found) if reason is not None]
    return {"because": "; ".join(reasons) or "nothing to learn from this"}


async def _counted(state: ObserverState, memory: Memory) -> str | None:
    """A known error's fix was tried: whether it held."""
    known, held = state["known_error"], fix_held(state)
    if known is None or state["healthy"] is None:
        return None
    if held is None:
        return f"{known} was not tried, so nothing is learned of it"
    why = await memory.met(known, state["incident"], held=held, proof=_proof(state))
    if why is not None:
        return f"{known} is retired from automatic use: {why}"
    return f"{known} {'held' if held else 'did not hold'}"


def fix_held(state: ObserverState) -> bool | None:
    """Whether the known error's fix healed the node; None where it was not carried out."""
    known = state["known_error"]
    if known is None or state["healthy"] is None:
        return None
    steps = state["incident"].key("remedy", 0, known, "")
    taken = [o for o in state["observations"] if o.key.startswith(steps)]
    if any(o.status is CallStatus.REFUSED for o in taken):
        return None
    return known not in state["tried"]


async def _novel(
    state: ObserverState,
    before: Sequence[Observation],
    after: Sequence[Observation],
    memory: Memory,
    learned: Learned,
    ledger: Ledger,
    runbook: Runbook,
    tree: DependencyTree,
) -> str | None:
    """A diagnosis' fix was verified: what it heals becomes a known error, inert until accepted."""
    remedy, diagnosis, incident = state["remedy"], state["diagnosis"], state["incident"]
    if state["healthy"] is not True or state["spared"] or state["step_failed"]:
        return None
    if remedy is None or diagnosis is None or remedy.origin != "diagnosis" or not remedy.actions:
        return None
    ill, well = await ledger.payloads(before), await ledger.payloads(after)
    for node in state.get("path") or [incident.stage]:
        lines = await _lines(state, node, before, ledger, runbook)
        mined = mine(lines, await learned.healthy_lines.of_node(node))
        if mined is None:
            continue
        then = numbers_of(incident, node, before, ill)
        now = numbers_of(incident, node, after, well)
        checked = tree.find(node)
        condition = condition_for(
            named(then, checked), named(now, checked), healed_by(remedy.check, checked)
        )
        entry = entry_of(
            incident,
            node=node,
            pattern=mined.pattern,
            condition=condition,
            cause=diagnosis.root_cause,
            remedy=remedy,
        )
        try:
            kept = await learned.propose(entry, incident)
        except ConfigurationError as error:
            return f"what was done cannot be written as a known error: {error}"
        if kept == f"{entry['id']} is proposed":
            await memory.met(entry["id"], incident, held=True, proof=_proof(state))
        return kept
    return "no log line tells this error from a healthy day"


def _around_the_remedy(
    state: ObserverState,
) -> tuple[list[Observation], list[Observation]]:
    """What was seen before the last idea was tried, and after it."""
    seen, incident = state["observations"], state["incident"]
    steps = incident.key("remedy", "")
    ideas = {o.key.removeprefix(steps).partition("/")[0] for o in seen if o.key.startswith(steps)}
    if not ideas:
        return seen, []
    last = incident.key("remedy", max(ideas, key=int), "")
    tried = [i for i, o in enumerate(seen) if o.key.startswith(last)]
    return seen[: tried[0]], seen[tried[-1] + 1 :]


async def _was_healthy(
    state: ObserverState,
    before: Sequence[Observation],
    ledger: Ledger,
    runbook: Runbook,
    tree: DependencyTree,
) -> bool:
    """Whether the incident's node was well when its log was read, by its own figures or check."""
    incident, payloads = state["incident"], await ledger.payloads(before)
    truth = Truth.UNKNOWN
    if runbook.check.condition:
        figures = numbers_of(incident, incident.stage, before, payloads)
        truth, _ = parse_condition(runbook.check.condition).judge(figures)
    if truth is not Truth.UNKNOWN:
        return truth is Truth.TRUE
    node = tree.find(incident.stage)
    look = of_kind(incident, LOOK, before).get(incident.stage)
    if node is None or look is None:
        return False
    found = look_of(node, runbook, look.status, look.summary, payloads.get(look.key))
    return found.health is Health.HEALTHY


async def _lines(
    state: ObserverState,
    node: str,
    observations: Sequence[Observation],
    ledger: Ledger,
    runbook: Runbook,
) -> list[str]:
    """The node's lines as they were recent when they were read."""
    if not observations:
        return []
    payloads = await ledger.payloads(observations)
    read = await ledger.find(observations[-1].key)
    now = 0.0 if read is None else read.recorded_at
    window_s = runbook.matching.window
    return lines_of(state["incident"], node, observations, payloads, now=now, window_s=window_s)


def _proof(state: ObserverState) -> str | None:
    """The key of the last look that `verify` took."""
    place = state["incident"].key("verify", "")
    looks = [o.key for o in state["observations"] if o.key.startswith(place)]
    return looks[-1] if looks else None
