"""A circuit breaker: a provider that fails again and again is left alone for a while."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    """Whether a provider may be asked."""

    CLOSED = "closed"
    """It may."""
    OPEN = "open"
    """It may not."""
    HALF_OPEN = "half-open"
    """One question, the probe, finds out."""


@dataclass(frozen=True)
class Ticket:
    """The leave to ask once; what came of it is told with the ticket."""

    round: int


class Breaker:
    """One provider's. Every time is in seconds of a clock that never goes back.

    What comes of a question counts only while the breaker is as it was when the question was
    let in: an answer that was long on its way neither closes nor opens it.
    """

    def __init__(self, failures: int, open_for: float, now: float) -> None:
        self._failures = failures
        self._open_for = open_for
        self._since = now
        self._until: float | None = None
        self._streak = 0
        self._round = 0
        self._probing = False

    def state(self, now: float) -> BreakerState:
        """How it is at that moment."""
        if self._until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self._until else BreakerState.HALF_OPEN

    def since(self, now: float) -> float:
        """When that state began."""
        if self._until is not None and now >= self._until:
            return self._until
        return self._since

    def admit(self, now: float) -> Ticket | None:
        """Let a question in, or (None) keep it out."""
        match self.state(now):
            case BreakerState.CLOSED:
                return Ticket(self._round)
            case BreakerState.HALF_OPEN if not self._probing:
                self._round += 1
                self._probing = True
                return Ticket(self._round)
            case _:
                return None

    def answered(self, ticket: Ticket, now: float) -> None:
        """The provider answered: its failures in a row are over, and a probe closes."""
        if ticket.round != self._round:
            return
        self._streak = 0
        if self._probing:
            self._until = None
            self._begin(now)

    def failed(self, ticket: Ticket, now: float, *, leave_for: float = 0.0) -> None:
        """The provider failed: one of a row, or a probe, which opens again.

        A provider that asks to be left alone (`leave_for` seconds) is, whenever it says so.
        """
        if ticket.round == self._round:
            self._streak += 1
            if self._probing or self._streak >= self._failures:
                self._open(now, self._open_for)
        until = now + leave_for
        if leave_for > 0 and (self._until is None or self._until < until):
            self._open(now, leave_for)

    def let_go(self, ticket: Ticket) -> None:
        """The question came to nothing; a probe that nobody can judge makes room for another."""
        if self._probing and ticket.round == self._round:
            self._probing = False
            self._round += 1

    def _open(self, now: float, seconds: float) -> None:
        still_open = self.state(now) is BreakerState.OPEN
        self._until = now + seconds
        if not still_open:
            self._begin(now)

    def _begin(self, now: float) -> None:
        self._since = now
        self._streak = 0
        self._round += 1
        self._probing = False
