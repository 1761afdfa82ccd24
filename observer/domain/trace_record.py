"""A trace as a program reads it: the answer of `observer trace --json` and of the route."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from observer.domain.trace_blame import blame, fault, shares, slowest
from observer.domain.trace_tree import RunTree, Seen


def session_record(session_id: str, tenant_id: str, runs: Iterable[RunTree]) -> dict[str, Any]:
    """A session with its runs, the newest last."""
    return {
        "session_id": session_id,
        "tenant_id": tenant_id,
        "runs": [run_record(run) for run in runs],
    }


def run_record(run: RunTree) -> dict[str, Any]:
    """A run: its figures, whom to blame, and its spans in the order of the steps, flat.

    `parent_span_id` says what is under what; `parallel` that a step had siblings.
    """
    slow, failed, parts = slowest(run), fault(run), shares(run)
    return {
        "trace_id": run.facts.trace_id,
        "status": run.status,
        "outcome": run.outcome,
        "goes_on_with": None if run.goes_on_with is None else run.goes_on_with.trace_id,
        "started_ms": run.started_ms,
        "totals": {
            "latency_ms": run.latency_ms,
            "tools_ms": parts.tools_ms,
            "models_ms": parts.models_ms,
            "own_ms": parts.own_ms,
            "cost_nano": run.cost_nano,
            "cost_usd": run.cost_nano / 1e9,
            "input_tokens": run.input_tokens,
            "output_tokens": run.output_tokens,
        },
        "slowest": None
        if slow is None
        else {**_named(slow.span), "layer": slow.layer, "took_ms": slow.took_ms},
        "failing": None
        if failed is None
        else {
            **_named(failed.span),
            "layer": failed.layer,
            "status": failed.span.status,
            "others": failed.others,
        },
        "blame": blame(run),
        "spans": list(_spans(run)),
    }


def _named(span: Seen) -> dict[str, str]:
    return {"span_id": span.span_id, "name": span.name}


def _spans(run: RunTree) -> Iterable[dict[str, Any]]:
    for step in run.steps:
        yield {**_as_seen(step.span), "parallel": step.parallel}
        yield from map(_as_seen, step.calls)
    yield from map(_as_seen, run.strays)
    if run.final is not None:
        yield _as_seen(run.final)


def _as_seen(span: Seen) -> dict[str, Any]:
    """The span's record; of a step under way, what is known of it by now."""
    return {**span.record, "result_status": span.status, "latency_ms": span.latency_ms}
