"""Whose turn it is to change a node: one session on a lineage at a time, from act to verdict."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from observer.domain.dependency_tree import DependencyTree


@dataclass(eq=False)
class _Claim:
    holder: str
    nodes: frozenset[str]
    lineage: frozenset[str]
    granted: asyncio.Event = field(default_factory=asyncio.Event)

    def conflicts(self, other: _Claim) -> bool:
        return self.holder != other.holder and not self.nodes.isdisjoint(other.lineage)


class Claims:
    """Two sessions that want to change the same node, or one above or below it, take turns.

    Kept in memory: the one process that owns the data directory is the only one that acts. Who
    waits holds nothing, and is served in the order of arrival: nobody waits for ever.
    """

    def __init__(self, tree: DependencyTree) -> None:
        self._tree = tree
        self._claims: list[_Claim] = []

    async def take(self, holder: str, *nodes: str) -> frozenset[str]:
        """Wait until the nodes are this holder's; returns those of whoever was waited for.

        One claim a holder: what it had before on other nodes is given back first.
        """
        wanted = frozenset(nodes)
        if any(claim.nodes == wanted for claim in self._held_by(holder)):
            return frozenset()
        self.release(holder)
        lineage = frozenset[str]().union(*map(self._lineage, wanted))
        claim = _Claim(holder, wanted, lineage)
        before = [earlier.nodes for earlier in self._claims if claim.conflicts(earlier)]
        self._claims.append(claim)
        self._grant()
        try:
            await claim.granted.wait()
        except asyncio.CancelledError:
            self._drop(claim)
            raise
        return frozenset[str]().union(*before)

    def release(self, holder: str) -> None:
        """Give back what the holder has."""
        self._drop(*self._held_by(holder))

    def _held_by(self, holder: str) -> list[_Claim]:
        return [c for c in self._claims if c.holder == holder and c.granted.is_set()]

    def _drop(self, *gone: _Claim) -> None:
        self._claims = [claim for claim in self._claims if claim not in gone]
        self._grant()

    def _grant(self) -> None:
        """To each its turn that nobody before it, holding or waiting, stands in the way of."""
        for i, claim in enumerate(self._claims):
            if not any(claim.conflicts(earlier) for earlier in self._claims[:i]):
                claim.granted.set()

    def _lineage(self, node: str) -> frozenset[str]:
        below = (found.name for found in self._tree.below(node))
        return frozenset((node, *self._tree.above(node), *below))
