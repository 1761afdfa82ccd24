"""Uptime from what was seen: healthy, unhealthy and not watched, as intervals of Unix time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, computed_field

from observer.domain.dependency_tree import DependencyTree
from observer.domain.windows import ALWAYS, Window

Interval = tuple[float, float]
"""From one moment until another; empty where it does not end after it begins."""

_DAY = timedelta(days=1)


class Uptime(BaseModel):
    """How long it was healthy, unhealthy and not watched, of the time that counts; in seconds."""

    model_config = ConfigDict(frozen=True)

    healthy_s: float
    unhealthy_s: float
    unwatched_s: float

    @computed_field
    @property
    def percent(self) -> float | None:
        """Of the time that was watched; None where nothing was, because nothing is guessed."""
        watched = self.healthy_s + self.unhealthy_s
        return None if watched <= 0 else 100.0 * (1.0 - self.unhealthy_s / watched)


@dataclass(frozen=True)
class Outage:
    """Down time: of these metrics, and with them of the pipeline; without any, of it alone."""

    began_at: float
    ended_at: float | None
    """None: it goes on."""
    metrics: frozenset[str]


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time in order, each moment once; what ends before it begins is nothing."""
    found: list[Interval] = []
    for begin, end in sorted(i for i in intervals if i[0] < i[1]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


def common(one: Sequence[Interval], other: Sequence[Interval]) -> list[Interval]:
    """The time that lies in both; each must be merged."""
    found: list[Interval] = []
    i = j = 0
    while i < len(one) and j < len(other):
        begin, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if begin < end:
            found.append((begin, end))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


def length(intervals: Iterable[Interval]) -> float:
    """How long, in seconds."""
    return sum(end - begin for begin, end in intervals)


def uptime(
    counted: Iterable[Interval], watched: Iterable[Interval], down: Iterable[Interval]
) -> Uptime:
    """What of the time that counts was healthy, unhealthy, and not watched."""
    counting = merged(counted)
    seen = common(counting, merged(watched))
    unhealthy = length(common(seen, merged(down)))
    return Uptime(
        healthy_s=max(0.0, length(seen) - unhealthy),
        unhealthy_s=unhealthy,
        unwatched_s=max(0.0, length(counting) - length(seen)),
    )


def open_times(window: Window, begin: float, end: float) -> list[Interval]:
    """When a promise counts between two moments."""
    if begin >= end:
        return []
    edges = sorted({begin, end, *(e for e in _edges(window, begin, end) if begin < e < end)})
    return merged(
        (one, other)
        for one, other in pairwise(edges)
        if window.holds(datetime.fromtimestamp((one + other) / 2, UTC))
    )


def of_metrics(
    tree: DependencyTree,
    outages: Sequence[Outage],
    watched: Sequence[Interval],
    begin: float,
    end: float,
) -> dict[str, Uptime]:
    """The uptime of each metric, by the window of its promise."""
    return {
        name: uptime(
            open_times(metric.window, begin, end),
            watched,
            (_during(o, end) for o in outages if name in o.metrics),
        )
        for name, metric in tree.metrics.items()
    }


def of_pipeline(
    tree: DependencyTree,
    outages: Sequence[Outage],
    watched: Sequence[Interval],
    begin: float,
    end: float,
) -> Uptime:
    """The uptime of the whole: it counts while any promise does, each outage while one of its own.

    An outage that hurts no promise of the tree counts whenever the pipeline does.
    """
    by_metric = {name: open_times(m.window, begin, end) for name, m in tree.metrics.items()}
    counted = merged(i for times in by_metric.values() for i in times)
    if not by_metric:
        counted = open_times(ALWAYS, begin, end)
    down: list[Interval] = []
    for outage in outages:
        hurt = [by_metric[name] for name in outage.metrics if name in by_metric]
        own = merged(i for times in hurt for i in times) if hurt else counted
        down += common(own, merged([_during(outage, end)]))
    return uptime(counted, watched, down)


def _during(outage: Outage, now: float) -> Interval:
    return outage.began_at, now if outage.ended_at is None else outage.ended_at


def _edges(window: Window, begin: float, end: float) -> Iterator[float]:
    """Every moment at which a window may open or close: its hours, and a change of the clocks."""
    first = datetime.fromtimestamp(begin, window.zone).date() - _DAY
    last = datetime.fromtimestamp(end, window.zone).date() + _DAY
    for number in range((last - first).days + 1):
        day = first + number * _DAY
        for clock in (window.opens, window.closes):
            for fold in (0, 1):
                yield datetime.combine(day, clock, window.zone).replace(fold=fold).timestamp()
        change = _change(window, day)
        if change is not None:
            yield change


def _change(window: Window, day: date) -> float | None:
    """When on a day the clocks change, to the second."""
    low = int(datetime.combine(day, time(), UTC).timestamp())
    high = low + 86400

    def offset(at: int) -> timedelta | None:
        return datetime.fromtimestamp(at, window.zone).utcoffset()

    if offset(low) == offset(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
    return float(high)
