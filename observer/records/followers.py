"""Who follows a session while it is worked on: each line of its journal as it reaches the file."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from observer.errors import TooManyFollowers

MOST_FOLLOWERS = 64
MOST_OF_A_TENANT = 48
"""So that no tenant alone takes all places."""
MOST_LINES_BEHIND = 1000
"""A follower who takes in less than that is left behind: nobody waits for it."""

Line = dict[str, Any]
Session = tuple[str, str]


class Follower:
    """One reader's lines that it has not taken yet."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque()
        self._news = asyncio.Event()
        self.lost = False
        """It was too slow: lines are missing after those that it still gets."""
        self.over = False
        """The observer stops."""

    def hand(self, line: Line) -> None:
        """Add a line, unless there are too many."""
        self.lost = self.lost or len(self._lines) >= MOST_LINES_BEHIND
        if not self.lost:
            self._lines.append(line)
        self._news.set()

    def end(self) -> None:
        """No more lines will come."""
        self.over = True
        self._news.set()

    async def wait(self, limit_s: float) -> None:
        """Until there is something, or so long."""
        try:
            async with asyncio.timeout(limit_s):
                await self._news.wait()
        except TimeoutError:
            return

    def take(self) -> list[Line]:
        """What has come since, in its order."""
        self._news.clear()
        taken = list(self._lines)
        self._lines.clear()
        return taken


class Followers:
    """Hands lines out and never waits for anybody."""

    def __init__(self) -> None:
        self._of: dict[Session, list[Follower]] = {}
        self._closed = False

    @contextmanager
    def follow(self, tenant_id: str, session_id: str) -> Iterator[Follower]:
        """Follow one session from now on.

        Raises:
            TooManyFollowers: too many do already.
        """
        every = sum(map(len, self._of.values()))
        same = sum(len(found) for (tenant, _), found in self._of.items() if tenant == tenant_id)
        if every >= MOST_FOLLOWERS or same >= MOST_OF_A_TENANT:
            raise TooManyFollowers
        session, follower = (tenant_id, session_id), Follower()
        follower.over = self._closed
        self._of.setdefault(session, []).append(follower)
        try:
            yield follower
        finally:
            self._of[session].remove(follower)
            if not self._of[session]:
                del self._of[session]

    def tell(self, lines: list[Line]) -> None:
        """Each line to who follows its session."""
        for line in lines if self._of else ():
            for follower in self._of.get((line["tenant_id"], line["session_id"]), ()):
                follower.hand(line)

    def close(self) -> None:
        """The observer stops: let everybody go."""
        self._closed = True
        for followers in self._of.values():
            for follower in followers:
                follower.end()
