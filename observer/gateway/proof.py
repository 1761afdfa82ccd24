"""Looks whether a node is healed, by everything that must say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from observer.domain.calls import CallStatus, Observation, Run
from observer.domain.dependency_tree import DependencyTree
from observer.domain.proof import proof_looks
from observer.domain.remedy import Check
from observer.domain.runbook import Runbook
from observer.domain.walk import Health
from observer.gateway.dispatcher import Dispatcher
from observer.records.ledger import Ledger


@dataclass
class Proof:
    """What was seen at one time."""

    healthy: bool = False
    seen: str = "nothing in dependency_tree.yaml proves it"
    lines: list[str] = field(default_factory=list[str])
    """The evidence, a look a line."""
    observations: list[Observation] = field(default_factory=list[Observation])

    @property
    def refused(self) -> bool:
        """Whether a look was not allowed: looking again would not be, either."""
        return any(o.status is CallStatus.REFUSED for o in self.observations)


async def prove(
    check: Check,
    promises: Iterable[str],
    *,
    key: str,
    run: Run,
    dispatcher: Dispatcher,
    ledger: Ledger,
    runbook: Runbook,
    tree: DependencyTree,
) -> Proof:
    """One look after the other until one is not healthy; what is unknown never proves."""
    proof = Proof()
    for look in proof_looks(check, run.incident, promises, tree, runbook):
        place = f"{key}/{look.name}" if look.name else key
        observation = await dispatcher.read(look.call, key=place, run=run)
        payload = (await ledger.payloads([observation])).get(observation.key)
        found = look.judge(observation.status, observation.summary, payload)
        proof.observations.append(observation)
        proof.lines.append(f"{found.node}: {found.evidence}" if found.node else found.evidence)
        proof.healthy = found.health is Health.HEALTHY
        proof.seen = found.evidence if not look.name else "; ".join(proof.lines)
        if not proof.healthy:
            break
    return proof
