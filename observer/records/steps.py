"""The spans of a run's steps: opened before a step, closed after it, each under what led to it."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Literal

from observer.domain.approval import Approval, said_of
from observer.domain.calls import Run
from observer.domain.redaction import Redacted
from observer.domain.span import Span, SpanKind, span_of, step_begun
from observer.records.spans import Spans, new_id, now_ms

_MOST_RUNS = 4096
_REASON_LENGTH = 300

StepStatus = Literal["success", "waiting", "error"]


@dataclass(frozen=True)
class Step:
    """A step under way."""

    run: Run
    span: Span
    clock: float


class Steps:
    """Knows of each run which step leads to the next one."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self._leading: OrderedDict[str, str] = OrderedDict()

    async def begin(self, run: Run, name: str, *, leads: bool) -> Step:
        """A step begins; siblings in parallel do not lead, whoever planned them leads on."""
        parent = self._leading.get(run.trace_id)
        if leads:
            self._leading[run.trace_id] = run.span_id
            if len(self._leading) > _MOST_RUNS:
                self._leading.popitem(last=False)
        span = step_begun(run, name, parent=parent, started_ms=now_ms())
        await self._spans.open(span)
        return Step(run, span, time.monotonic())

    def end(self, step: Step, status: StepStatus, because: Redacted) -> None:
        """A step ended, for this reason; while a person is waited for, that is seen below it."""
        latency_ms = (time.monotonic() - step.clock) * 1000
        reason = because.value[:_REASON_LENGTH] or None
        if status == "waiting":
            question = span_of(
                step.run,
                SpanKind.HITL_APPROVAL,
                name="question",
                span_id=new_id(),
                started_ms=step.span.timestamp_ms,
                latency_ms=latency_ms,
                status=status,
                result_summary=reason,
                redacted=because.rules or None,
            )
            self._spans.emit(question)
        ended = replace(
            step.span,
            latency_ms=latency_ms,
            result_status=status,
            result_summary=reason,
            redacted=because.rules or None,
        )
        self._spans.close(ended)

    def answered(self, run: Run, approval: Approval) -> None:
        """A question is taken up again in this step: what became of it, and how long it waited."""
        status, words = said_of(approval)
        asked_ms = int(approval.created_at * 1000)
        until = approval.answered_at or approval.created_at
        self._spans.emit(
            span_of(
                run,
                SpanKind.HITL_APPROVAL,
                name="answer",
                span_id=new_id(),
                started_ms=asked_ms,
                latency_ms=max(0.0, until * 1000 - asked_ms),
                status=status,
                result_summary=words[:_REASON_LENGTH],
            )
        )

    def forget(self, trace_id: str) -> None:
        """A run is over."""
        self._leading.pop(trace_id, None)
