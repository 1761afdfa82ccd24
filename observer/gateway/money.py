"""What models may cost today: reserved at the worst case before a call, settled after."""

from __future__ import annotations

from dataclasses import dataclass

from observer.domain.budget import Meter
from observer.domain.mission import OWN_SESSION, OWN_TENANT
from observer.domain.span import Span
from observer.gateway.today import Today
from observer.records.spending import Spending


@dataclass(frozen=True)
class Reservation:
    """Money set aside for one call; a crash leaves it counted as spent."""

    id: str
    worst_nano: int


class Money:
    """Model costs in integer nano-USD (10**9 = one US dollar)."""

    def __init__(self, today: Today, spending: Spending) -> None:
        self._today = today
        self._spending = spending

    async def reserve(self, if_cut: Span) -> Reservation | str:
        """Set the worst case aside, durably; or say for which budget it is too much.

        `if_cut` is the call's span if nothing comes back of it, with the worst case as its cost.
        """
        reservation = Reservation(if_cut.span_id, if_cut.cost_nano or 0)
        # What the observer asks for itself is advice: no event waits because of it.
        ours = (if_cut.tenant_id, if_cut.session_id) == (OWN_TENANT, OWN_SESSION)
        wanted = {Meter.COST: reservation.worst_nano}
        why = await self._today.reserve(reservation.id, if_cut.tenant_id, wanted, holds=not ours)
        if why is not None:
            return why
        try:
            await self._spending.reserve(self._today.day, if_cut)
        except BaseException:
            # It is not written down, so the call is not made.
            self._today.settle(reservation.id, {})
            raise
        return reservation

    async def settle(self, reservation: Reservation, spent_nano: int) -> None:
        """Count what the call did cost; what it did not goes back to the day."""
        try:
            await self._spending.settle(reservation.id, spent_nano)
        finally:
            self._today.settle(reservation.id, {Meter.COST: spent_nano})

    def close(self, reservation: Reservation) -> None:
        """The call is over; if nothing settled it, its worst case is spent, as it is on disk."""
        self._today.settle(reservation.id, {Meter.COST: reservation.worst_nano})
