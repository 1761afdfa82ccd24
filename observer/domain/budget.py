"""What one event and one day may use: reserved before a call, so that nothing passes its cap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from observer.domain.hold import EVERYBODY

NANO = 1_000_000_000
"""Nano-dollars in a US dollar: what models cost is counted in whole ones."""


class Meter(StrEnum):
    """What is counted over a day."""

    TOOL_CALLS = "tool_calls"
    """Looks and remedies; notifications are exempt."""
    COST = "cost"
    """Models, in nano-dollars."""
    IRREVERSIBLE = "irreversible"
    """Remedies of blast radius 4 and more."""


Amounts = Mapping[Meter, int]


def dollars(nano: int) -> str:
    """An amount of money for people: to the cent, and further only where that matters."""
    cents = f"{nano / NANO:.2f}"
    return f"${cents if nano % (NANO // 100) == 0 else f'{nano / NANO:.9f}'.rstrip('0')}"


@dataclass(frozen=True)
class Limits:
    """The most that a day may use, of each meter."""

    everybody: Amounts
    each_tenant: Amounts
    tenants: Mapping[str, Amounts] = field(default_factory=dict[str, Amounts])
    """The tenants that have their own."""

    def of(self, whom: str) -> Amounts:
        """The limits of a tenant, or (`*`) of all together."""
        if whom == EVERYBODY:
            return self.everybody
        return self.tenants.get(whom, self.each_tenant)


@dataclass(frozen=True)
class Spent:
    """What did not fit into a day any more, and whose day it was."""

    whom: str
    """A tenant, or `*` for all together."""
    meter: Meter
    wanted: int
    limit: int
    left: int
    until_tomorrow: bool
    """Whether only a new day or a higher limit makes room: nothing that comes back today does."""

    @property
    def reason(self) -> str:
        """One sentence, for a person and for a model."""
        whose = "" if self.whom == EVERYBODY else f" for tenant '{self.whom}'"
        match self.meter:
            case Meter.TOOL_CALLS:
                return f"today's budget of {self.limit} tool calls{whose} is spent"
            case Meter.IRREVERSIBLE:
                return f"today's budget of {self.limit} irreversible actions{whose} is spent"
            case Meter.COST:
                return (
                    f"today's budget of {dollars(self.limit)} for models{whose} has"
                    f" {dollars(self.left)} left, and this call may cost {dollars(self.wanted)}"
                )


class RunBudget:
    """Counts the calls of each event's handling; escalations are exempt and never asked about."""

    def __init__(self, max_tool_calls_per_run: int) -> None:
        self.limit = max_tool_calls_per_run
        self._used: dict[str, int] = {}

    def knows(self, event_key: str) -> bool:
        """Whether this process has counted for the event yet."""
        return event_key in self._used

    def open(self, event_key: str, already_used: int) -> None:
        """Start counting where the ledger says an earlier process stopped."""
        self._used.setdefault(event_key, already_used)

    def reserve(self, event_key: str) -> bool:
        """Take one call from the budget; false, and nothing taken, when it is spent."""
        used = self._used.get(event_key, 0)
        if used >= self.limit:
            return False
        self.count(event_key)
        return True

    def count(self, event_key: str) -> None:
        """Take one call without asking, though it passes the limit."""
        self._used[event_key] = self._used.get(event_key, 0) + 1

    def give_back(self, event_key: str) -> None:
        """The call was not made."""
        if self._used.get(event_key):
            self._used[event_key] -= 1

    def close(self, event_key: str) -> None:
        """The event is done: forget it."""
        self._used.pop(event_key, None)


@dataclass(frozen=True)
class _Reservation:
    tenant_id: str
    amounts: Amounts


class DayBudget:
    """Counts a calendar day in a time zone, for each tenant and for all together.

    A day that has begun never ends early: when the clock goes back over midnight, the later day
    goes on, so that nobody gets a day's budget twice.
    """

    def __init__(self, limits: Limits, zone: ZoneInfo) -> None:
        self.limits = limits
        self.zone = zone
        self.day = date.min
        self._used: Counter[tuple[str, Meter]] = Counter()
        self._open: dict[str, _Reservation] = {}

    def due(self, now: float) -> date | None:
        """The day that is to begin at a Unix time; None where the present one goes on."""
        today = datetime.fromtimestamp(now, self.zone).date()
        return today if today > self.day else None

    def begins_at(self, day: date) -> float:
        """The Unix time at which a day begins."""
        return datetime.combine(day, time(), self.zone).timestamp()

    @property
    def ends_at(self) -> float:
        """The Unix time at which the present day ends."""
        return self.begins_at(self.day + timedelta(days=1))

    def begin(self, day: date, used: Mapping[str, Amounts]) -> None:
        """Begin a later day, with what its tenants have used; what is reserved stays in its own."""
        if day <= self.day:
            return
        self.day = day
        self._used.clear()
        self._open.clear()
        for tenant_id, amounts in used.items():
            self._add(tenant_id, amounts)

    def reserve(self, key: str, tenant_id: str, wanted: Amounts) -> Spent | None:
        """Take amounts from the tenant's and everybody's day, or nothing, and say why not.

        The same key twice is one reservation.
        """
        if key in self._open:
            return None
        spent = [
            found
            for whom in (EVERYBODY, tenant_id)
            for meter, amount in wanted.items()
            if (found := self.why_not(whom, meter, amount)) is not None
        ]
        if spent:
            return next((found for found in spent if found.until_tomorrow), spent[0])
        self.count(key, tenant_id, wanted)
        return None

    def count(self, key: str, tenant_id: str, wanted: Amounts) -> None:
        """Take amounts without asking, though they pass a limit; the same key twice is once."""
        if key not in self._open:
            self._open[key] = _Reservation(tenant_id, wanted)
            self._add(tenant_id, wanted)

    def settle(self, key: str, used: Amounts) -> None:
        """What was really used of a reservation; an earlier day's costs this one nothing."""
        reservation = self._open.pop(key, None)
        if reservation is not None:
            reserved = reservation.amounts
            less = {meter: used.get(meter, 0) - reserved[meter] for meter in reserved}
            self._add(reservation.tenant_id, less)

    def why_not(self, whom: str, meter: Meter, wanted: int) -> Spent | None:
        """Why an amount does not fit; None where it does."""
        limit, used = self.limits.of(whom)[meter], self._used[whom, meter]
        if used + wanted <= limit:
            return None
        # Of money, a call hardly ever takes all that was reserved for it; a call stays a call.
        back = self._reserved(whom, meter) if meter is Meter.COST else 0
        lasts = wanted <= limit < used - back + wanted
        return Spent(whom, meter, wanted, limit, max(0, limit - used), until_tomorrow=lasts)

    def _reserved(self, whom: str, meter: Meter) -> int:
        return sum(
            reservation.amounts.get(meter, 0)
            for reservation in self._open.values()
            if whom in (EVERYBODY, reservation.tenant_id)
        )

    def _add(self, tenant_id: str, amounts: Amounts) -> None:
        for meter, amount in amounts.items():
            for whom in (EVERYBODY, tenant_id):
                self._used[whom, meter] += amount

    def used(self) -> dict[str, dict[Meter, int]]:
        """What the day has used so far: of all together (`*`), and of each tenant that used any."""
        whose = sorted({EVERYBODY, *(whom for whom, _ in self._used)})
        return {whom: {meter: self._used[whom, meter] for meter in Meter} for whom in whose}
