"""Whose turn it is to change a node: one session at a time, from its act to its verdict."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass
class _Claim:
    holder: str
    freed: asyncio.Event = field(default_factory=asyncio.Event)


class Claims:
    """Two sessions that want to change the same node do not do so at once.

    Kept in memory: the one process that owns the data directory is the only one that acts.
    """

    def __init__(self) -> None:
        self._claims: dict[str, _Claim] = {}

    async def take(self, node: str, holder: str) -> bool:
        """Wait until the node is this holder's; returns whether somebody else had it until now."""
        waited = False
        while (claim := self._claims.get(node)) is not None and claim.holder != holder:
            waited = True
            await claim.freed.wait()
        self._claims.setdefault(node, _Claim(holder))
        return waited

    def release(self, holder: str) -> None:
        """Give back whatever the holder has."""
        for node, claim in list(self._claims.items()):
            if claim.holder == holder:
                del self._claims[node]
                claim.freed.set()
