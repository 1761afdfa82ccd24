"""A run as its spans tell it: the steps in the order they were taken, and under each its calls.

Steps lead to one another, so the tree is as deep as the run is long; for reading, a step's number
says the same. What retention took, or an older release did not write, leaves no hole.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from observer.domain.span import FINAL_RESPONSE, OPEN
from observer.domain.span_kinds import SpanKind

RUNNING = "running"
INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A span as it was read. Times in milliseconds, cost in nano-USD."""

    span_id: str
    parent_span_id: str | None
    kind: SpanKind
    name: str
    status: str
    step_index: int
    started_ms: float
    latency_ms: float
    cost_nano: int
    record: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def ended_ms(self) -> float:
        """When it ended, or up to when it is known."""
        return self.started_ms + self.latency_ms

    @property
    def summary(self) -> str:
        """A step's reason, a call's result."""
        return str(self.record.get("result_summary") or "")


@dataclass(frozen=True)
class Step:
    """One step and what was called in it, in the order of time."""

    span: Seen
    calls: tuple[Seen, ...]
    parallel: bool
    """Whether others were taken at the same time."""


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What is written down of a run beside its spans."""

    trace_id: str
    event_key: str | None = None
    status: str | None = None
    """running, done, waiting_approval, interrupted or failed; None where it is not known."""
    outcome: str | None = None
    started_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RunTree:
    """One run. Times in milliseconds, cost in nano-USD."""

    facts: RunFacts
    status: str
    """success, waiting, error, interrupted or running."""
    outcome: str
    started_ms: float
    latency_ms: float
    cost_nano: int
    input_tokens: int
    output_tokens: int
    steps: tuple[Step, ...]
    strays: tuple[Seen, ...]
    """Calls whose step is not known any more."""
    final: Seen | None
    goes_on_with: RunFacts | None = None
    """The run of the same event that this one went on with."""

    @property
    def calls(self) -> list[Seen]:
        """Every call, the strays last."""
        return [*(call for step in self.steps for call in step.calls), *self.strays]


def read_span(record: Mapping[str, Any]) -> Seen:
    """A span from its record, an older release's, too."""
    cost = record.get("cost_nano")
    return Seen(
        span_id=str(record["span_id"]),
        parent_span_id=record.get("parent_span_id"),
        kind=SpanKind(record["span_kind"]),
        name=str(record.get("name") or record["span_kind"]),
        status=str(record["result_status"]),
        step_index=int(record["step_index"]),
        started_ms=float(record["timestamp_ms"]),
        latency_ms=float(record.get("latency_ms") or 0.0),
        cost_nano=round(record.get("cost_usd", 0.0) * 1e9) if cost is None else int(cost),
        record=record,
    )


def build_run(facts: RunFacts, spans: Iterable[Seen], *, now_ms: float | None) -> RunTree:
    """The tree of one run; an open step runs until now, unless its run is known to be over.

    Without a now no process is there that could go on with it: what is under way was cut.
    """
    if now_ms is None and facts.status == RUNNING:
        facts = replace(facts, status=INTERRUPTED)
    settled = [_settled(span, facts, now_ms) for span in spans]
    final = next((span for span in settled if span.name == FINAL_RESPONSE), None)
    rest = [span for span in settled if span is not final]
    steps, strays = _steps(rest)
    # A question may have been asked long before the run that takes its answer up.
    own = [span for span in rest if span.kind is not SpanKind.HITL_APPROVAL] or rest
    started = min((span.started_ms for span in own), default=facts.started_ms)
    ended = max((span.ended_ms for span in own), default=started)
    models = [span for span in rest if span.kind is SpanKind.LLM_CALL]
    return RunTree(
        facts=facts,
        status=_status(facts, final, steps),
        outcome=final.summary if final else facts.outcome or "",
        started_ms=final.started_ms if final else started,
        latency_ms=final.latency_ms if final else ended - started,
        cost_nano=final.cost_nano if final else sum(span.cost_nano for span in models),
        input_tokens=sum(int(span.record.get("input_tokens") or 0) for span in models),
        output_tokens=sum(int(span.record.get("output_tokens") or 0) for span in models),
        steps=steps,
        strays=strays,
        final=final,
    )


def in_sequence(runs: Iterable[RunTree]) -> list[RunTree]:
    """The runs of a session, the newest last, each with the one that it went on with."""
    ordered = sorted(runs, key=lambda run: run.started_ms)
    latest: dict[str, RunFacts] = {}
    linked: list[RunTree] = []
    for run in ordered:
        key = run.facts.event_key
        linked.append(replace(run, goes_on_with=None if key is None else latest.get(key)))
        if key is not None:
            latest[key] = run.facts
    return linked


def _settled(span: Seen, facts: RunFacts, now_ms: float | None) -> Seen:
    if span.status != OPEN:
        return span
    if now_ms is not None and facts.status in (None, RUNNING):
        return replace(span, status=RUNNING, latency_ms=max(0.0, now_ms - span.started_ms))
    return replace(span, status=INTERRUPTED)


def _steps(spans: Sequence[Seen]) -> tuple[tuple[Step, ...], tuple[Seen, ...]]:
    by_id = {span.span_id: span for span in spans}
    calls: dict[str | None, list[Seen]] = defaultdict(list)
    steps: list[Seen] = []
    for span in spans:
        if span.kind is SpanKind.AGENT_STEP:
            steps.append(span)
        else:
            calls[_step_above(span, by_id)].append(span)
    siblings = Counter(span.step_index for span in steps)
    ordered = sorted(steps, key=lambda span: (span.step_index, span.started_ms))
    return (
        tuple(
            Step(span, _by_time(calls[span.span_id]), siblings[span.step_index] > 1)
            for span in ordered
        ),
        _by_time(calls[None]),
    )


def _step_above(span: Seen, by_id: Mapping[str, Seen]) -> str | None:
    passed = {span.span_id}
    above = by_id.get(span.parent_span_id or "")
    while above is not None and above.kind is not SpanKind.AGENT_STEP:
        if above.span_id in passed:
            return None
        passed.add(above.span_id)
        above = by_id.get(above.parent_span_id or "")
    return None if above is None else above.span_id


def _by_time(spans: list[Seen]) -> tuple[Seen, ...]:
    return tuple(sorted(spans, key=lambda span: span.started_ms))


def _status(facts: RunFacts, final: Seen | None, steps: Sequence[Step]) -> str:
    if final is not None:
        return final.status
    known = {"done": "success", "waiting_approval": "waiting", "failed": "error"}
    if facts.status is not None:
        return known.get(facts.status, facts.status)
    found = {step.span.status for step in steps}
    return next(
        (status for status in (RUNNING, INTERRUPTED, "error") if status in found), "success"
    )
