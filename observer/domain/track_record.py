"""How far a known error can be trusted: how often its fix was verified, and how often it failed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from observer.domain.conditions import ParseError, parse_duration

_CAUTION = 0.05
_BISECTIONS = 40


@dataclass(frozen=True)
class Counted:
    """What the records counted of one known error; only verified outcomes count."""

    successes: int = 0
    failures: int = 0
    failures_in_a_row: int = 0
    """Since the fix last held, or a person last accepted it."""
    first_seen: float | None = None
    last_seen: float | None = None
    resolutions: int = 0
    resolution_s: float = 0.0
    """The sum of the times from an event's acceptance to its verified end."""
    start_count: int = 0
    """What the entry itself said when the counting began."""
    start_resolution_s: float | None = None


@dataclass(frozen=True)
class TrackRecord:
    """An entry's own figures with what was counted since."""

    occurrences: int
    failures: int
    failures_in_a_row: int
    first_seen: str | None
    last_seen: str | None
    resolution_s: float | None

    @property
    def trust(self) -> float:
        """The rate at which the fix holds at least, with 95 % confidence."""
        return trust(self.occurrences, self.failures)

    def columns(self) -> dict[str, Any]:
        """The figures as known_errors.yaml writes them; what is not known is left out."""
        avg = None if self.resolution_s is None else duration_text(self.resolution_s)
        written = {
            "first_seen": self.first_seen,
            "last_seen": self.last_seen,
            "occurrence_count": self.occurrences,
            "resolution_time_avg": avg,
        }
        return {name: value for name, value in written.items() if value is not None}


def start_of(row: Mapping[str, Any]) -> tuple[int, float | None]:
    """How often, and in how many seconds, an entry of known_errors.yaml says that it was healed."""
    return int(row.get("occurrence_count") or 0), _seconds(row.get("resolution_time_avg"))


def track_record(row: Mapping[str, Any], counted: Counted) -> TrackRecord:
    """An entry of known_errors.yaml, and what was counted since.

    An entry that was exported from these records holds their figures already: they count once.
    """
    says, says_s = start_of(row)
    weighed = [(counted.resolutions, counted.resolution_s)]
    start_s = says_s if counted.first_seen is None else counted.start_resolution_s
    if start_s is not None:
        start = max(1, says if counted.first_seen is None else counted.start_count)
        weighed.append((start, start * start_s))
    number = sum(weight for weight, _ in weighed)
    days = [str(row["first_seen"])] if row.get("first_seen") else []
    last = [str(row["last_seen"])] if row.get("last_seen") else []
    if counted.first_seen is not None and counted.last_seen is not None:
        days.append(day(counted.first_seen))
        last.append(day(counted.last_seen))
    return TrackRecord(
        occurrences=max(says, counted.start_count + counted.successes),
        failures=counted.failures,
        failures_in_a_row=counted.failures_in_a_row,
        first_seen=min(days, default=None),
        last_seen=max(last, default=None),
        resolution_s=sum(total for _, total in weighed) / number if number else None,
    )


def day(moment: float) -> str:
    """A Unix time as a date, in UTC."""
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def duration_text(seconds: float) -> str:
    """Seconds as configuration writes them."""
    return f"{seconds:.0f}s" if seconds >= 10 else f"{max(1, round(seconds * 1000))}ms"


def _seconds(written: object) -> float | None:
    if isinstance(written, int | float):
        return float(written)
    try:
        return parse_duration(written) if isinstance(written, str) else None
    except ParseError:
        return None


def trust(successes: int, failures: int) -> float:
    """The 5 % quantile of Beta(1 + successes, 1 + failures)."""
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if _at_most(middle, 1 + successes, 1 + failures) < _CAUTION:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _at_most(x: float, a: int, b: int) -> float:
    """P(Beta(a, b) <= x): for whole numbers the tail of a binomial distribution.

    The shorter tail is summed, so that a long record costs no more than its rarer outcome.
    """
    trials = a + b - 1
    upper = b <= a
    successes = range(a, trials + 1) if upper else range(a)
    tail = math.fsum(_binomial(k, trials, x) for k in successes)
    return tail if upper else 1.0 - tail


def _binomial(k: int, n: int, p: float) -> float:
    chosen = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(chosen + k * math.log(p) + (n - k) * math.log1p(-p))
