"""Whose turn it is: at most so many sessions at once, one holder a session, the urgent first."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

MayBegin = Callable[[], bool]


@dataclass(eq=False)
class _Waiting:
    session: str
    urgent: bool
    may_begin: MayBegin
    arrival: int
    admitted: asyncio.Future[None]


class SessionGate:
    """A semaphore with sessions. A session in which an urgent one waits is urgent as a whole."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside: set[str] = set()
        self._waiting: list[_Waiting] = []
        self._arrivals = itertools.count()
        self._open = True

    @asynccontextmanager
    async def turn(
        self, session: str, *, urgent: bool, may_begin: MayBegin = lambda: True
    ) -> AsyncIterator[None]:
        """Wait for a turn, and give it back. Whoever may not begin waits in nobody's way."""
        admitted = asyncio.get_running_loop().create_future()
        waiting = _Waiting(session, urgent, may_begin, next(self._arrivals), admitted)
        self._waiting.append(waiting)
        self._admit()
        try:
            await admitted
        except asyncio.CancelledError:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            else:
                self._leave(session)
            raise
        try:
            yield
        finally:
            self._leave(session)

    def shut(self) -> None:
        """Admit nobody until opened again; who is inside stays."""
        self._open = False

    def open(self) -> None:
        """Admit again."""
        self._open = True
        self._admit()

    def look_again(self) -> None:
        """Who may begin has changed."""
        self._admit()

    def _leave(self, session: str) -> None:
        self._inside.discard(session)
        self._admit()

    def _admit(self) -> None:
        while self._open and len(self._inside) < self._limit:
            ready = [
                # A cancelled waiter has yet to wake up and take itself off the list.
                w
                for w in self._waiting
                if w.session not in self._inside and not w.admitted.cancelled() and w.may_begin()
            ]
            if not ready:
                return
            urgent = {w.session for w in ready if w.urgent}
            first = min(ready, key=lambda w: (w.session not in urgent, not w.urgent, w.arrival))
            self._waiting.remove(first)
            self._inside.add(first.session)
            first.admitted.set_result(None)
