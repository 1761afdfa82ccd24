"""A run in lines of text: a step each, its calls under it, its reason beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from observer.cli.render import inert, shorten, when
from observer.domain.figures import dollars, took
from observer.domain.span_kinds import SpanKind
from observer.domain.trace_blame import blame, slowest
from observer.domain.trace_tree import RunTree, Seen, Step

SHORT_TRACE = 12
SHORT_HASH = 8
ENDED = {"waiting_approval": "asked a person", "interrupted": "was cut", "failed": "failed"}
SLOWEST = "  <- slowest"
_HIDDEN_ARGS = ("idempotency_key",)
_LONGEST_ARG = 40
_INDENT = 6


def run_lines(run: RunTree, width: int) -> Iterator[str]:
    """The run from its beginning to whom to blame; no line is wider, all are inert."""
    for line in _lines(run, width):
        yield shorten(line, width)


def _lines(run: RunTree, width: int) -> Iterator[str]:
    slow = slowest(run)
    marked = None if slow is None else slow.span.span_id
    yield f"run {inert(run.facts.trace_id)}  {when(run.started_ms)}"
    outcome = "" if run.outcome in ("", run.status) else f": {inert(run.outcome)}"
    yield (
        f"    {run.status}{outcome}  {took(run.latency_ms)}, {len(run.calls)} calls,"
        f" {run.input_tokens}+{run.output_tokens} tokens, {dollars(run.cost_nano)}"
    )
    if run.goes_on_with is not None:
        before = run.goes_on_with
        ended = ENDED.get(before.status or "", inert(before.status))
        yield f"    goes on with run {before.trace_id[:SHORT_TRACE]}, which {ended}"
    for step in run.steps:
        yield from _step_lines(step, marked, width)
    if run.strays:
        yield "    of steps that are not recorded any more:"
    for call in run.strays:
        yield from _call_lines(call, marked, width)
    for line in blame(run):
        yield from _wrapped(line, width, indent=4)


def _step_lines(step: Step, marked: str | None, width: int) -> Iterator[str]:
    span = step.span
    number = f"{span.step_index:>3}{'|' if step.parallel else ' '}"
    mark = SLOWEST if span.span_id == marked else ""
    yield f"{number} {inert(span.name):<20} {span.status:<11} {took(span.latency_ms):>8}{mark}"
    if span.summary:
        yield from _wrapped(span.summary, width, indent=_INDENT)
    for call in step.calls:
        yield from _call_lines(call, marked, width)


def _call_lines(call: Seen, marked: str | None, width: int) -> Iterator[str]:
    mark = SLOWEST if call.span_id == marked else ""
    what = f"{_WORD[call.kind]} {inert(call.name).removesuffix(':')}"
    yield f"      - {what}  {inert(call.status)}  {took(call.latency_ms)}{mark}{_facts(call)}"
    if not call.summary:
        return
    if call.status == "success":
        yield f"        -> {inert(call.summary)}"
    else:
        yield from _wrapped(call.summary, width, indent=_INDENT + 2)


_WORD = {
    SpanKind.LLM_CALL: "model",
    SpanKind.TOOL_CALL: "tool",
    SpanKind.RETRY: "retry",
    SpanKind.HITL_APPROVAL: "approval",
    SpanKind.AGENT_STEP: "step",
}


def _facts(call: Seen) -> str:
    record = call.record
    facts: list[str] = []
    if call.kind is SpanKind.LLM_CALL:
        version = inert(record.get("model_version"))
        facts = [
            f"{record.get('input_tokens')}+{record.get('output_tokens')} tokens",
            dollars(call.cost_nano),
            "" if call.name.removesuffix(":").endswith(version) else version,
            f"prompt {inert(record.get('prompt_version_hash'))[:SHORT_HASH]}",
        ]
    if record.get("blast_radius_class") is not None:
        facts.append(f"class {record['blast_radius_class']}")
    return "".join(f"  {fact}" for fact in facts if fact) + _args(record.get("args_redacted"))


def _args(args: Any) -> str:
    if not isinstance(args, dict):
        return ""
    shown = [
        f"{inert(name)}={shorten(value, _LONGEST_ARG)}"
        for name, value in args.items()
        if name not in _HIDDEN_ARGS
    ]
    return f"  ({', '.join(shown)})" if shown else ""


def _wrapped(text: str, width: int, *, indent: int) -> Iterator[str]:
    import textwrap

    yield from textwrap.wrap(
        inert(text),
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )
