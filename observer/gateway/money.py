"""What models may cost today: reserved at the worst case before a call, settled after."""

from __future__ import annotations

from dataclasses import dataclass

from observer.domain.budget import Meter
from observer.domain.calls import Run
from observer.domain.mission import OWN_SESSION, OWN_TENANT
from observer.gateway.today import Today
from observer.records.spans import new_id
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

    async def reserve(self, run: Run, worst_nano: int, model: str) -> Reservation | str:
        """Set the worst case aside, durably; or say for which budget it is too much."""
        reservation = Reservation(new_id(), worst_nano)
        tenant_id = run.incident.tenant_id
        # What the observer asks for itself is advice: no event waits because of it.
        ours = (tenant_id, run.incident.session_id) == (OWN_TENANT, OWN_SESSION)
        wanted = {Meter.COST: worst_nano}
        why = await self._today.reserve(reservation.id, tenant_id, wanted, holds=not ours)
        if why is not None:
            return why
        try:
            await self._spending.reserve(
                reservation.id,
                self._today.day,
                tenant_id=tenant_id,
                trace_id=run.trace_id,
                model=model,
                nano=worst_nano,
            )
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
