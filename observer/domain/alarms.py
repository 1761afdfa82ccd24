"""When somebody is told that something is wrong with the observer, and that it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from observer.domain.fault import Fault, FaultKind, fault_key

DROPPED = "alarms_dropped"
"""The kind of the notice that stands where alarms were dropped."""

_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 300.0
_LONGEST_ORDERED_WAIT_S = 3600.0


class AlarmState(StrEnum):
    """What an alarm says."""

    FIRING = "firing"
    """It is so now, and was not before; or there is more of it."""
    OVER = "over"
    """It was so, and is no more."""


@dataclass(frozen=True)
class Alarm:
    """One message, sent until it is delivered."""

    id: str
    """Its own: the same message sent again has the same."""
    kind: str
    tenant_id: str | None
    subject: str
    state: AlarmState
    text: str
    at: float
    """Unix time of this message."""
    since: float
    """Unix time at which the fault began."""
    count: int = 1
    """How many things it stands for: events given up, alarms dropped."""

    @property
    def key(self) -> str:
        """Which fault it is about."""
        return fault_key(self.kind, self.tenant_id, self.subject)

    def as_json(self) -> dict[str, Any]:
        """What is kept and sent."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Alarm:
        """What was kept.

        Raises:
            KeyError, TypeError, ValueError: this is no alarm.
        """
        kept: dict[str, Any] = {**fields, "state": AlarmState(fields["state"])}
        return cls(**kept)


@dataclass(frozen=True)
class Standing:
    """A fault that somebody was told of and that is not over."""

    fault: Fault
    since: float


def edges(
    standing: Mapping[str, Standing],
    present: Iterable[Fault],
    unknown: set[FaultKind],
    *,
    now: float,
    new_id: Callable[[], str],
) -> tuple[dict[str, Standing], list[Alarm]]:
    """What stands now, and what is to be told: what began, what grew, what is over.

    What cannot be said now of a kind changes nothing of that kind.
    """
    current = {fault.key: fault for fault in present}
    following: dict[str, Standing] = {}
    told: list[Alarm] = []
    for key, old in standing.items():
        if key in current:
            continue
        if old.fault.kind in unknown:
            following[key] = old
        else:
            told.append(_alarm(old, AlarmState.OVER, now, new_id()))
    for key, fault in current.items():
        before = standing.get(key)
        if before is not None and before.fault.count == fault.count:
            # Its text may grow older; what was told stays as it was told.
            following[key] = before
            continue
        following[key] = now_stands = Standing(fault, now if before is None else before.since)
        if before is None or fault.count > before.fault.count:
            told.append(_alarm(now_stands, AlarmState.FIRING, now, new_id()))
    return following, told


def _alarm(standing: Standing, state: AlarmState, now: float, alarm_id: str) -> Alarm:
    fault = standing.fault
    over = state is AlarmState.OVER
    return Alarm(
        id=alarm_id,
        kind=fault.kind,
        tenant_id=fault.tenant_id,
        subject=fault.subject,
        state=state,
        text=f"over: {fault.text}" if over else fault.text,
        at=now,
        since=standing.since,
        count=fault.count,
    )


def after(standing: Mapping[str, Standing], alarm: Alarm) -> dict[str, Standing]:
    """What stands once an alarm is told: for what was written down and then cut off by a crash."""
    following = {key: old for key, old in standing.items() if key != alarm.key}
    if alarm.state is AlarmState.FIRING and alarm.kind != DROPPED:
        kind = FaultKind(alarm.kind)
        fault = Fault(kind, alarm.text, alarm.tenant_id, alarm.subject, alarm.count)
        following[alarm.key] = Standing(fault, alarm.since)
    return following


def notice_of_dropped(dropped: Alarm, instead_of: Alarm, *, alarm_id: str) -> Alarm:
    """What stands in the place of two alarms that there is no room for."""
    count = sum(alarm.count if alarm.kind == DROPPED else 1 for alarm in (dropped, instead_of))
    return replace(
        instead_of,
        id=alarm_id,
        kind=DROPPED,
        tenant_id=None,
        subject="",
        state=AlarmState.FIRING,
        text=f"{count} alarms were dropped: too many waited to be delivered",
        since=dropped.since,
        count=count,
    )


def wait_before_delivery(tries: int, *, ordered_s: float | None, dice: float) -> float:
    """Seconds until the next try after so many failed ones; `dice` is between 0 and 1.

    What the receiver orders is honoured, up to an hour; else it takes ever longer.
    """
    if ordered_s is not None:
        return min(max(ordered_s, _FIRST_WAIT_S), _LONGEST_ORDERED_WAIT_S)
    longest = min(_FIRST_WAIT_S * 2.0 ** min(tries - 1, 16), _LONGEST_WAIT_S)
    return longest * (0.5 + dice / 2)
