"""Where the bill went: exact sums of what models cost, by tenant, feature, day and model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from observer.domain.budget import NANO

_FURTHEST = timedelta(days=366)


class By(StrEnum):
    """What a sum is of. Columns stand in this order, and rows are sorted by it."""

    TENANT = "tenant"
    FEATURE = "feature"
    DAY = "day"
    """Of the budget's time zone, as the day's budget has it."""
    MODEL = "model"


USUAL = (By.TENANT, By.FEATURE, By.DAY)
_MEASURES = ("calls", "input_tokens", "output_tokens", "cost_nano")


@dataclass(frozen=True)
class CostSum:
    """What the model calls of one group took together."""

    group: dict[By, str]
    calls: int
    input_tokens: int
    output_tokens: int
    cost_nano: int

    def as_json(self) -> dict[str, Any]:
        """With the cost in US dollars, too: exactly, as text."""
        measures = {name: getattr(self, name) for name in _MEASURES}
        keys = {str(by): self.group[by] for by in By if by in self.group}
        return {**keys, **measures, "cost_usd": usd(self.cost_nano)}


def columns(by: Collection[By]) -> list[str]:
    """The columns of a table of such sums: the same whatever the sums are, and in which order."""
    return [*(str(one) for one in By if one in by), *_MEASURES, "cost_usd"]


def in_order(sums: Iterable[CostSum]) -> list[CostSum]:
    """By tenant, feature, day and model."""
    return sorted(sums, key=lambda one: [one.group[by] for by in By if by in one.group])


def total(sums: Iterable[CostSum]) -> CostSum:
    """All of them together."""
    every = list(sums)
    calls, tokens_in, tokens_out, nano = (
        sum(getattr(one, name) for one in every) for name in _MEASURES
    )
    return CostSum({}, calls, tokens_in, tokens_out, nano)


def usd(nano: int) -> str:
    """An amount in US dollars, to the last nano."""
    return f"{nano // NANO}.{nano % NANO:09d}"


@dataclass(frozen=True)
class Stretch:
    """Some time, in milliseconds since 1970: from the first, and before the last."""

    from_ms: int
    to_ms: int


def stretch_of(since: str, until: str | None, *, now_ms: int, zone: ZoneInfo) -> Stretch:
    """From one moment until another, or until now.

    Raises:
        ValueError: they are no moments, in the wrong order, or more than a year apart.
    """
    # It brings a parser: whoever only groups sums starts without.
    from observer.domain.moments import parse_moment

    now = datetime.fromtimestamp(now_ms / 1000, zone)
    to_ms = now_ms + 1 if until is None else parse_moment(until, now)
    from_ms = parse_moment(since, now)
    if from_ms >= to_ms:
        raise ValueError("`since` must be before `until`")
    if to_ms - from_ms > _FURTHEST.total_seconds() * 1000 + 1:
        raise ValueError("a roll-up is of a year at most")
    return Stretch(from_ms, to_ms)


def days(stretch: Stretch, zone: ZoneInfo) -> Iterator[tuple[date, Stretch]]:
    """Each day of a stretch with what of it is in the stretch; the first and last may be cut."""
    day = datetime.fromtimestamp(stretch.from_ms / 1000, UTC).astimezone(zone).date()
    while (begins := _begin_ms(day, zone)) < stretch.to_ms:
        ends = _begin_ms(day + timedelta(days=1), zone)
        yield day, Stretch(max(begins, stretch.from_ms), min(ends, stretch.to_ms))
        day += timedelta(days=1)


def _begin_ms(day: date, zone: ZoneInfo) -> int:
    return round(datetime.combine(day, time(), zone).timestamp() * 1000)
