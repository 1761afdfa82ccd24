"""What the records of one event tell about its course: what was done, what changed, how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from observer.domain.calls import CallStatus, Purpose
from observer.domain.evidence import numbers

_MOST_FIGURES = 8


@dataclass(frozen=True)
class Recorded:
    """One call that was made for the event, as the ledger has it."""

    tool: str
    input_hash: str
    args: Mapping[str, Any]
    purpose: str
    status: str
    payload: Any


@dataclass(frozen=True)
class Course:
    """The calls of one event in their order, and how long it has lasted."""

    calls: Sequence[Recorded] = ()
    took_s: float | None = None

    @property
    def actions(self) -> list[Recorded]:
        """What was done, or tried."""
        return [call for call in self.calls if call.purpose == Purpose.REMEDY]

    @property
    def changes(self) -> list[str]:
        """Figures of the same look before the first action and after it, where they differ."""
        first = next((i for i, c in enumerate(self.calls) if c.purpose == Purpose.REMEDY), None)
        if first is None:
            return []
        before, after = _figures(self.calls[:first]), _figures(self.calls[first:])
        changed = [
            f"{name} {_short(old)} → {_short(after[look, name])}"
            for (look, name), old in before.items()
            if (look, name) in after and after[look, name] != old
        ]
        return changed[:_MOST_FIGURES]

    @property
    def took(self) -> str | None:
        """How long it has lasted, for people."""
        if self.took_s is None:
            return None
        seconds = round(self.took_s)
        if seconds < 120:
            return f"{self.took_s:.1f} s" if self.took_s < 10 else f"{seconds} s"
        minutes, hours = seconds // 60, seconds // 3600
        return f"{minutes} min" if minutes < 120 else f"{hours} h {minutes % 60} min"


def _figures(calls: Sequence[Recorded]) -> dict[tuple[str, str], float]:
    """By look and name; the last look at each counts."""
    found: dict[tuple[str, str], float] = {}
    for call in calls:
        if call.purpose == Purpose.READ and call.status == CallStatus.SUCCESS:
            for name, value in numbers([call.payload]).items():
                found[call.input_hash, name] = value
    return found


def _short(value: float) -> str:
    return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.0f}"
