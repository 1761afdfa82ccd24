"""What a run's end says of the failure that its event told of, for the history of up and down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from observer.domain.event import Severity
from observer.domain.failure import VERIFIED, Result, broken_by
from observer.domain.health import about_ourselves
from observer.domain.looks import LOOK, PROMISE, of_kind, place
from observer.domain.node_check import promise_look
from observer.domain.walk import Health
from observer.records.events import StoredEvent
from observer.records.failures import Ending
from observer.services import Services


async def ending_of(
    stored: StoredEvent, state: Mapping[str, Any], outcome: str | None, services: Services
) -> Ending:
    """The end of a run that reached it; without an outcome it waits for a person."""
    incident, tree = state["incident"], services.tree
    if about_ourselves(stored.event):
        return _ours(stored)
    asked = {
        **of_kind(incident, place(PROMISE, again=False), state["observations"]),
        **of_kind(incident, place(PROMISE, again=True), state["observations"]),
    }
    payloads = await services.ledger.payloads(list(asked.values()))
    seen = [
        promise_look(tree.metrics[name], o.status, o.summary, payloads.get(o.key))
        for name, o in asked.items()
        if name in tree.metrics
    ]
    result = _result(state, outcome)
    healthy = {incident.stage, stored.event.stage, *(state.get("promises") or [])}
    if result is Result.FALSE_ALARM:
        # The whole walk read healthy, twice.
        healthy |= set(of_kind(incident, place(LOOK, again=True), state["observations"]))
    begin = incident.key("verify", "")
    proofs = [o.key for o in state["observations"] if o.key.startswith(begin)]
    return Ending(
        node=incident.stage,
        severity=incident.severity,
        result=result,
        metrics=broken_by(
            tree,
            about=stored.event.stage,
            node=incident.stage,
            severity=incident.severity,
            kept=[look.node for look in seen if look.health is Health.HEALTHY],
            broken=[look.node for look in seen if look.health is Health.UNHEALTHY],
        ),
        healthy=frozenset(healthy) if result in VERIFIED else frozenset(),
        proof=proofs[-1] if proofs else None,
    )


def given_up(stored: StoredEvent, *, for_good: bool, services: Services) -> Ending:
    """The end of a run that failed: what the event itself said is all that is known."""
    about, severity = stored.event.stage, stored.event.severity
    if about_ourselves(stored.event):
        return _ours(stored)
    known = frozenset[str]()
    if severity is not None:
        known = broken_by(services.tree, about=about, node=about, severity=severity)
    return Ending(about, None, Result.GIVEN_UP if for_good else Result.OPEN, known)


def _ours(stored: StoredEvent) -> Ending:
    """An alarm of our own is no failure of the pipeline."""
    return Ending(stored.event.stage, Severity.INFO, Result.OPEN)


def _result(state: Mapping[str, Any], outcome: str | None) -> Result:
    if outcome is None:
        return Result.OPEN
    if outcome != "resolved":
        return Result.HANDED_OVER
    if state.get("recovered"):
        return Result.FALSE_ALARM if state["healthy"] is None else Result.RECOVERED
    return Result.SPARED if state["spared"] else Result.HEALED
