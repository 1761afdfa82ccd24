"""The step in which a crash cut a run: no process was left to write its span down."""

from __future__ import annotations

from langgraph.types import StateSnapshot

from observer.domain.event import Event
from observer.domain.span import Span, SpanKind
from observer.records.spans import new_id, now_ms

_FIRST_STEP = 1
_FIRST_NODE = "classify"


def interrupted_steps(event: Event, trace_id: str, snapshot: StateSnapshot | None) -> list[Span]:
    """One span for each node that the cut run left unfinished, closed now as `interrupted`.

    `snapshot` is the last checkpoint of the event, None when the run was cut before its first.
    When a crash came remains unknown, so the latency is 0.
    """
    step, nodes = _FIRST_STEP, [_FIRST_NODE]
    if snapshot is not None:
        step = int((snapshot.metadata or {}).get("step", 0)) + 1
        tasks = snapshot.tasks
        # All of them done: the cut came between their writes and the next checkpoint.
        nodes = [t.name for t in tasks if t.result is None] or [t.name for t in tasks][:1]
    return [
        Span(
            trace_id=trace_id,
            span_id=new_id(),
            parent_span_id=None,
            tenant_id=event.tenant_id,
            session_id=event.session_id,
            step_index=step,
            timestamp_ms=now_ms(),
            span_kind=SpanKind.AGENT_STEP,
            latency_ms=0.0,
            feature=event.feature,
            stage=event.stage,
            name=node,
            result_status="interrupted",
            result_summary="the process ended before this step was done",
        )
        for node in nodes
    ]
