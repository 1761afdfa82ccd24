"""The on-call questions, against an oracle that looks at every span."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.traces import traces
from observer.domain.span import FINAL_RESPONSE, Span, SpanKind
from observer.domain.span_question import (
    ContradictoryQuestion,
    Grouping,
    SortBy,
    SpanQuestion,
    is_fault,
)
from observer.records.span_queries import groups_of, runs_of, spans_of
from observer.records.spans import store
from tests.synthetic_spans import a_span, records

NOW = 20
TENANTS = ("acme", "globex")
FEATURES = ("pipeline_observer", "billing")
TOOLS = ("restart_stage", "clear_queue")
STATUSES = ("success", "error", "timeout", "refused", "unknown", "waiting", "interrupted")


@st.composite
def spans(draw: st.DrawFn) -> Span:
    kind = draw(st.sampled_from(SpanKind))
    tags: dict[str, Any] = {
        "trace_id": f"t-{draw(st.integers(0, 5))}",
        "tenant_id": draw(st.sampled_from(TENANTS)),
        "feature": draw(st.sampled_from(FEATURES)),
        "stage": draw(st.sampled_from(("loading", "indexing"))),
        "timestamp_ms": draw(st.integers(0, NOW)),
        "latency_ms": draw(st.integers(0, 30)) / 4,
        "result_status": draw(st.sampled_from(STATUSES)),
    }
    if kind is SpanKind.LLM_CALL:
        tags["model_version"] = draw(st.sampled_from(("gpt-4o", "gpt-4o-mini")))
        tags["prompt_version_hash"] = draw(st.sampled_from(("abc", "def")))
        tags["cost_nano"] = draw(st.integers(0, 10**12))
    if kind is SpanKind.TOOL_CALL:
        tags["tool_name"] = draw(st.sampled_from(TOOLS))
    if kind is SpanKind.AGENT_STEP and draw(st.booleans()):
        tags |= {"name": FINAL_RESPONSE, "cost_nano": draw(st.integers(0, 10**12))}
    return a_span(kind, **tags)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def questions(draw: st.DrawFn) -> SpanQuestion:
    asked = {
        "tenant": draw(maybe(st.sampled_from(TENANTS))),
        "since": draw(maybe(st.integers(0, NOW))),
        "until": draw(maybe(st.integers(0, NOW))),
        "status": draw(maybe(st.sampled_from(STATUSES))),
        "feature": draw(maybe(st.sampled_from(FEATURES))),
        "sort_by": draw(maybe(st.sampled_from(SortBy))),
        "limit": draw(st.integers(1, 12)),
        "tool": draw(maybe(st.sampled_from(TOOLS))),
        "kind": draw(maybe(st.sampled_from(SpanKind))),
        "group_by": draw(maybe(st.sampled_from(Grouping))),
    }
    try:
        return SpanQuestion(**asked)
    except ContradictoryQuestion:
        return SpanQuestion(**asked | {"tool": None, "kind": None})


def matching(everything: Sequence[Span], question: SpanQuestion) -> list[tuple[int, Span]]:
    """Each span that is asked for with its place, by looking at them all."""

    def asked(span: Span) -> bool:
        final = span.name == FINAL_RESPONSE
        return (
            (final if question.of_runs else not final and span.span_kind in question.kinds)
            and question.tenant in (None, span.tenant_id)
            and question.tool in (None, span.tool_name)
            and question.status in (None, span.result_status)
            and question.feature in (None, span.feature)
            and (question.since is None or span.timestamp_ms >= question.since)
            and (question.until is None or span.timestamp_ms < question.until)
        )

    return [(place, span) for place, span in enumerate(everything) if asked(span)]


def in_order(found: list[tuple[int, Span]], question: SpanQuestion) -> list[Span]:
    match question.sort_by:
        case SortBy.LATENCY:
            found = sorted(found, key=lambda one: (-one[1].latency_ms, one[0]))
        case SortBy.COST:
            found = sorted(found, key=lambda one: (-(one[1].cost_nano or 0), one[0]))
        case None:
            found = sorted(found, key=lambda one: (-one[1].timestamp_ms, -one[0]))
    return [span for _, span in found][: question.limit]


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[max(1, math.ceil(len(values) * percent / 100)) - 1]


def counted(everything: Sequence[Span], question: SpanQuestion) -> list[tuple[Any, ...]]:
    """The groups that are asked for, by looking at every span."""
    groups: dict[str, list[Span]] = defaultdict(list)
    for _, span in matching(everything, question):
        tag = "tenant_id" if question.group_by is Grouping.TENANT else str(question.group_by)
        groups[getattr(span, tag) or ""].append(span)
    rows = [
        (
            group,
            len(members),
            sum(is_fault(span.span_kind, span.result_status) for span in members),
            sum(span.result_status == "refused" for span in members),
            percentile([span.latency_ms for span in members], 50),
            percentile([span.latency_ms for span in members], 95),
            sum(span.cost_nano or 0 for span in members),
        )
        for group, members in groups.items()
    ]
    weight = {SortBy.LATENCY: 5, SortBy.COST: 6, None: 1}[question.sort_by]
    return sorted(rows, key=lambda row: (-row[weight], row[0]))[: question.limit]


@pytest.mark.slow
@settings(max_examples=400)
@given(st.lists(spans(), max_size=40), questions())
def test_every_combination_answers_as_one_who_looks_at_every_span(
    everything: list[Span], question: SpanQuestion
) -> None:
    """Case 44."""
    everything = [
        dataclasses.replace(span, span_id=f"s-{place}", session_id=f"session-{place}")
        for place, span in enumerate(everything)
    ]
    connection = records()
    store(connection, everything)
    expected = in_order(matching(everything, question), question)

    if question.group_by is not None:
        groups = [dataclasses.astuple(row) for row in groups_of(connection, question)]
        assert groups == counted(everything, question)
    if question.of_runs:
        runs = runs_of(connection, question, NOW)
        assert [run.session_id for run in runs] == [span.session_id for span in expected]
    else:
        rows = spans_of(connection, question)
        assert [row.span_id for row in rows] == [span.span_id for span in expected]
        assert [row.cost_nano for row in rows] == [span.cost_nano or 0 for span in expected]
    connection.close()


@pytest.mark.parametrize(
    "question",
    [
        SpanQuestion(tenant="acme", since=5, sort_by=SortBy.LATENCY),
        SpanQuestion(tool="restart_stage", status="error"),
        SpanQuestion(status="error"),
        *(SpanQuestion(group_by=grouping) for grouping in Grouping),
    ],
    ids=str,
)
def test_no_question_reads_the_table_to_find_what_it_wants(question: SpanQuestion) -> None:
    connection = records()
    store(connection, [a_span(), a_span(SpanKind.LLM_CALL)])
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    if question.group_by is not None:
        groups_of(connection, question)
    elif question.of_runs:
        runs_of(connection, question, NOW)
    else:
        spans_of(connection, question)
    connection.set_trace_callback(None)

    plans = [
        step["detail"]
        for sql in asked
        if " INDEXED BY " in sql
        for step in connection.execute(f"EXPLAIN QUERY PLAN {sql}")
    ]
    assert plans
    scans = [plan for plan in plans if plan.startswith("SCAN spans")]
    assert all("USING" in plan and "INDEX spans_of_runs" in plan for plan in scans)


@pytest.mark.slow
def test_a_question_over_many_spans_costs_little_time_and_memory() -> None:
    """Case 47, on a fiftieth of its spans; `python -m bench.traces --spans 1000000` asks all."""
    for words, answer in traces(20_000).items():
        assert answer.cpu_s < 1 and answer.memory_mib < 16, (words, answer)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"kind": SpanKind.LLM_CALL, "tool": "restart_stage"}, "--tool restart_stage"),
        ({"kind": SpanKind.TOOL_CALL, "group_by": Grouping.MODEL_VERSION}, "model_version"),
        ({"tool": "restart_stage", "group_by": Grouping.PROMPT_VERSION_HASH}, "llm_call"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_filters_that_exclude_each_other_are_refused(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ContradictoryQuestion, match=words):
        SpanQuestion(**asked)


def test_a_run_under_way_is_listed_with_what_it_has_taken_so_far() -> None:
    connection = records()
    connection.execute(
        "INSERT INTO runs (trace_id, tenant_id, session_id, event_key, status, started_at)"
        " VALUES ('t-9', 'acme', 'session-9', 'k', 'running', 1.0)"
    )
    step = json.dumps(a_span(trace_id="t-9", result_status="open").as_record())
    connection.execute(
        "INSERT INTO open_spans VALUES ('s-9', 't-9', 'acme', 'session-9', ?)", (step,)
    )
    store(connection, [a_span(name=FINAL_RESPONSE, latency_ms=100, timestamp_ms=500)])

    rows = runs_of(connection, SpanQuestion(sort_by=SortBy.LATENCY), now_ms=61_000)

    assert [(row.trace_id, row.status, row.latency_ms) for row in rows] == [
        ("t-9", "running", 60_000),
        ("t-1", "success", 100),
    ]
    assert runs_of(connection, SpanQuestion(tenant="globex"), now_ms=61_000) == []

    store(connection, [a_span(trace_id="t-9", name="call", latency_ms=20, timestamp_ms=1_300)])
    (cut, _) = runs_of(connection, SpanQuestion(sort_by=SortBy.LATENCY), now_ms=None)
    assert (cut.trace_id, cut.status, cut.latency_ms) == ("t-9", "interrupted", 320), "nobody runs"
