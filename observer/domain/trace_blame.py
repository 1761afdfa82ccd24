"""Whom to blame: which span was the slowest, how the time divides, and which layer failed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from observer.domain.figures import percent, took
from observer.domain.span_kinds import SpanKind
from observer.domain.span_question import is_fault
from observer.domain.trace_tree import INTERRUPTED, RUNNING, RunTree, Seen

_LAYER = {SpanKind.LLM_CALL: "model", SpanKind.TOOL_CALL: "tool"}
_MOST_WORDS = 120


@dataclass(frozen=True)
class Shares:
    """Where a run's time went, in milliseconds; together they are its latency.

    What runs in parallel counts once; while a tool and a model both run, it is the tool's time.
    """

    tools_ms: float
    models_ms: float
    own_ms: float


@dataclass(frozen=True)
class Slowest:
    """The span that took longest: a call, or what a step took beside its calls."""

    span: Seen
    took_ms: float

    @property
    def layer(self) -> str:
        """tool, model, own, or of a step that has not ended: under way."""
        if self.span.status == RUNNING:
            return "under way"
        return _LAYER.get(self.span.kind, "own")


@dataclass(frozen=True)
class Fault:
    """The span that failed last, and how many others of its sort did."""

    span: Seen
    others: int

    @property
    def layer(self) -> str:
        """tool, model, process (it was killed or cut) or own."""
        if self.span.status == INTERRUPTED:
            return "process"
        return _LAYER.get(self.span.kind, "own")


def shares(run: RunTree) -> Shares:
    """How the run's time divides."""
    tools = [call for call in run.calls if call.kind is SpanKind.TOOL_CALL]
    models = [call for call in run.calls if call.kind is SpanKind.LLM_CALL]
    with_tools, with_both = _covered(tools), _covered([*tools, *models])
    return Shares(with_tools, with_both - with_tools, max(0.0, run.latency_ms - with_both))


def slowest(run: RunTree) -> Slowest | None:
    """The slowest span; a step only by what it took itself. None: the run has no span."""
    found = [Slowest(call, call.latency_ms) for call in run.calls if call.kind in _LAYER]
    for step in run.steps:
        below = [call for call in step.calls if call.kind in _LAYER]
        found.append(Slowest(step.span, max(0.0, step.span.latency_ms - _covered(below))))
    return max(found, key=lambda one: one.took_ms, default=None)


def fault(run: RunTree) -> Fault | None:
    """What failed last before the end: where the run was cut, else a call, else a step."""
    steps = [step.span for step in run.steps]
    cut = [span for span in steps if span.status == INTERRUPTED]
    calls = [call for call in run.calls if is_fault(call.kind, call.status)]
    calls = [call for call in calls if call.kind in _LAYER]
    faulty = cut or calls or [span for span in steps if is_fault(span.kind, span.status)]
    if not faulty:
        return None
    return Fault(max(faulty, key=lambda span: span.ended_ms), len(faulty) - 1)


def blame(run: RunTree) -> list[str]:
    """In a line, where the time went; in another, which layer failed."""
    slow, parts = slowest(run), shares(run)
    if slow is None:
        return ["no spans: nothing is known of this run"]
    whole = run.latency_ms
    what = f"{slow.span.kind} {slow.span.name}"
    if slow.layer == "own":
        what = f"the observer itself in {slow.span.name}"
    rest = "own"
    if slow.layer == "under way":
        # What it called is recorded when it ends: nobody is to blame yet.
        what, rest = f"{slow.span.name}, under way for", "own or not ended"
    lines = [
        f"slowest: {what} {took(slow.took_ms)} ({percent(slow.took_ms, whole)} of the run);"
        f" tools {percent(parts.tools_ms, whole)}, models {percent(parts.models_ms, whole)},"
        f" {rest} {percent(parts.own_ms, whole)}"
    ]
    failed = fault(run)
    if failed is None:
        return [*lines, "failing layer: none, no call failed"]
    span = failed.span
    words = span.summary[:_MOST_WORDS]
    more = f"; {failed.others} more failed" if failed.others else ""
    why = f" ({words})" if words else ""
    return [*lines, f"failing layer: {failed.layer} {span.name}: {span.status}{why}{more}"]


def _covered(spans: Iterable[Seen]) -> float:
    """How long at least one of them ran."""
    covered, reached = 0.0, float("-inf")
    for span in sorted(spans, key=lambda span: span.started_ms):
        covered += max(0.0, span.ended_ms - max(span.started_ms, reached))
        reached = max(reached, span.ended_ms)
    return covered
