"""A session's runs as one HTML page: a waterfall that needs no other file and no script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from observer.cli.render import inert, when
from observer.domain.figures import dollars, took
from observer.domain.span_question import is_fault
from observer.domain.trace_blame import blame, slowest
from observer.domain.trace_tree import RunTree, Seen

TEMPLATE = Path(__file__).with_name("trace.html")


def page(session_id: str, tenant_id: str, runs: Iterable[RunTree]) -> str:
    """The page; whatever the spans say is text on it, never markup."""
    template = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        session_id=inert(session_id), tenant_id=inert(tenant_id), runs=[_run(run) for run in runs]
    )


def _run(run: RunTree) -> dict[str, Any]:
    return {
        "trace_id": inert(run.facts.trace_id),
        "started": when(run.started_ms),
        "status": inert(run.status),
        "bad": run.status in ("error", "interrupted"),
        "outcome": inert(run.outcome),
        "took": took(run.latency_ms),
        "tokens": f"{run.input_tokens}+{run.output_tokens}",
        "cost": dollars(run.cost_nano),
        "goes_on": None if run.goes_on_with is None else inert(run.goes_on_with.trace_id),
        "blame": [inert(line) for line in blame(run)],
        "rows": list(_rows(run)),
    }


def _rows(run: RunTree) -> Iterator[dict[str, Any]]:
    for step in run.steps:
        row = _row(run, step.span)
        name = f"{step.span.step_index} {row['name']}"
        yield {**row, "name": name, "call": False, "parallel": step.parallel}
        yield from (_row(run, call) for call in step.calls)
    yield from (_row(run, call) for call in run.strays)


def _row(run: RunTree, span: Seen) -> dict[str, Any]:
    slow = slowest(run)
    whole = run.latency_ms or 1.0
    left = min(max(span.started_ms - run.started_ms, 0.0) / whole, 1.0)
    ended = min(max(span.ended_ms - run.started_ms, 0.0) / whole, 1.0)
    return {
        "name": inert(span.name),
        "kind": span.kind,
        "status": inert(span.status),
        "bad": is_fault(span.kind, span.status),
        "took": took(span.latency_ms),
        "left": f"{left * 100:.2f}",
        "width": f"{max(0.0, ended - left) * 100:.2f}",
        "text": inert(span.summary),
        "facts": list(_facts(span)),
        "slowest": slow is not None and slow.span.span_id == span.span_id,
        "call": True,
        "parallel": False,
    }


def _facts(span: Seen) -> Iterator[str]:
    record = span.record
    if record.get("model_id"):
        tokens = f"{record.get('input_tokens')}+{record.get('output_tokens')} tokens"
        yield f"{inert(record.get('model_version'))}, {tokens}, {dollars(span.cost_nano)}"
        yield f"prompt {inert(record.get('prompt_version_hash'))}"
    if record.get("blast_radius_class") is not None:
        yield f"blast radius class {inert(record['blast_radius_class'])}"
    args = record.get("args_redacted")
    if isinstance(args, dict):
        yield ", ".join(f"{inert(name)}={inert(value)}" for name, value in args.items())
