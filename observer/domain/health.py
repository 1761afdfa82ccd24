"""Whether a run still gets anywhere: what it decided, held against four detectors.

What counts is what was decided by itself: the runbook's and a diagnosis' readings, and each remedy
once. What only looks until something is true has a time limit of its own and does not count: the
walk down the tree, the looks that prove healing, what is looked at again after a wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from observer.domain.calls import CallStatus, Purpose
from observer.domain.event import Event

SHORTEST_ANSWER = 10
"""Characters; a model's answer with fewer is empty."""

OURSELVES = "observer"
"""Source and stage of an event that is about the observer itself."""

_STEPS_A_CALL = 5
_OTHER_STEPS = 100

_FAILED = (CallStatus.ERROR, CallStatus.TIMEOUT, CallStatus.UNKNOWN)


class Anomaly(StrEnum):
    """What can be wrong with a run."""

    STUCK = "stuck"
    """The same tool with the same arguments again and again, and nothing was done in between."""
    LOOP = "loop"
    """The latest calls repeat those before them, one by one: A-B-A-B."""
    EMPTY = "empty"
    """The model says nothing."""
    ERROR_RATE = "error_rate"
    """Too large a part of the calls fails."""
    NO_PROGRESS = "no_progress"
    """The run is over, nothing is healed, and nothing new was tried; see `progress_lacks`."""


@dataclass(frozen=True)
class Limits:
    """From when on it is an anomaly."""

    stuck_threshold: int
    loop_window: int
    """How many of the latest calls are looked at."""
    empty_threshold: int
    error_rate: float
    """The part of the calls in the window that may fail, from 0 to 1."""
    error_rate_of: int
    """Fewer calls than this say nothing."""


@dataclass(frozen=True)
class Finding:
    """An anomaly, and what was seen of it."""

    anomaly: Anomaly
    seen: str

    @property
    def reason(self) -> str:
        """One line for a person."""
        return f"{self.anomaly}: {self.seen}"


@dataclass(frozen=True)
class MadeCall:
    """A call that was made, as the ledger has it."""

    key: str
    place: str
    """Its key without what all keys of the event begin with."""
    tool: str
    input_hash: str
    purpose: Purpose
    status: CallStatus


class RunHistory:
    """What the handling of one event has done. The first anomaly stays: it ends the run."""

    def __init__(self, limits: Limits, made: Iterable[MadeCall] = ()) -> None:
        self._limits = limits
        self._seen: set[str] = set()
        self._window: list[tuple[MadeCall, str]] = []
        self._deeds = 0
        self._empty = 0
        self.finding: Finding | None = None
        for call in made:
            self.note_call(call)

    def note_call(self, call: MadeCall) -> None:
        """A call ended. The same key again is the same decision: a look was too old, say."""
        told = call.purpose is Purpose.NOTIFY
        if told or call.status is CallStatus.REFUSED or call.key in self._seen:
            return
        self._seen.add(call.key)
        if is_decision(call.place):
            # After something was done, the same look is another one.
            reads = call.purpose is Purpose.READ
            identity = f"{call.input_hash}/{self._deeds}" if reads else call.input_hash
            self._window = [*self._window, (call, identity)][-self._limits.loop_window :]
            self.finding = self.finding or self._of_calls()
        if call.purpose is Purpose.REMEDY:
            self._deeds += 1

    def note_answer(self, text: str) -> None:
        """A model answered."""
        self._empty = self._empty + 1 if len(text.strip()) < SHORTEST_ANSWER else 0
        if self._empty >= self._limits.empty_threshold:
            seen = f"{self._empty} answers of the model, one after the other, say nothing"
            self.finding = self.finding or Finding(Anomaly.EMPTY, seen)

    def _of_calls(self) -> Finding | None:
        calls = [call for call, _ in self._window]
        identities = [identity for _, identity in self._window]
        if (times := identities.count(identities[-1])) >= self._limits.stuck_threshold:
            seen = f"{calls[-1].tool} was called {times} times with the same arguments"
            return Finding(Anomaly.STUCK, seen)
        if (length := repeated(identities)) is not None:
            pattern = ", ".join(call.tool for call in calls[-length:])
            return Finding(Anomaly.LOOP, f"the same calls come round again: {pattern}")
        failed = sum(call.status in _FAILED for call in calls)
        least, rate = self._limits.error_rate_of, self._limits.error_rate
        if len(calls) >= least and failed > rate * len(calls):
            return Finding(Anomaly.ERROR_RATE, f"{failed} of the last {len(calls)} calls failed")
        return None


def is_decision(place: str) -> bool:
    """Whether a call was decided by itself, told by its place in the run's keys.

    A remedy is one decision however many steps it has: a person wrote them down as one.
    """
    kind, _, rest = place.partition("/")
    return kind == "read" or (kind == "remedy" and rest.endswith("/0"))


def repeated(calls: Sequence[str]) -> int | None:
    """How many of the latest calls, two or more and not all the same, repeat those before them."""
    for length in range(2, len(calls) // 2 + 1):
        latest = calls[-length:]
        if latest == calls[-2 * length : -length] and len(set(latest)) > 1:
            return length
    return None


def progress_lacks(outcome: str, finding: Finding | None, again: Finding | None) -> Finding | None:
    """Whether a run that is over made no progress, and why.

    It made none when it healed nothing, and either it was stuck, in a loop or got empty answers,
    or it did once more what its session had done before, as often as makes a run stuck, without
    healing in between (`again`). A run whose calls fail is in trouble, but not going in circles.
    """
    if outcome != "escalated":
        return None
    circling = (Anomaly.STUCK, Anomaly.LOOP, Anomaly.EMPTY)
    if finding is not None and finding.anomaly in circling:
        return Finding(Anomaly.NO_PROGRESS, finding.reason)
    return None if again is None else Finding(Anomaly.NO_PROGRESS, again.reason)


def about_ourselves(event: Event) -> bool:
    """Whether an event is an alarm of our own: no run about an alarm leads to another one."""
    return event.source == event.stage == OURSELVES


def most_steps(max_tool_calls: int) -> int:
    """Steps of the graph that a run is given: more than its calls can take, so no run fails by it.

    The longest way from one call to the next leads from a reading that a model asked for to the
    model and to the next reading. What calls no tool, or only tells people, does not go round.
    """
    return _OTHER_STEPS + _STEPS_A_CALL * max_tool_calls
