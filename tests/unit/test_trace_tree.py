"""The tree of a run, and whom it blames."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.cli.trace_lines import SLOWEST, run_lines
from observer.cli.trace_page import page
from observer.domain.span import FINAL_RESPONSE, OPEN
from observer.domain.span_kinds import SpanKind
from observer.domain.trace_blame import blame, shares, slowest
from observer.domain.trace_record import session_record
from observer.domain.trace_tree import (
    RunFacts,
    RunTree,
    build_run,
    in_sequence,
    read_span,
)
from tests.synthetic_spans import a_span

BEGAN = 1_800_000_000_000
NASTY = "\x1b[2J\x1b]0;owned\x07<script>alert(1)</script>\r\nrun forged \u202eevil"


def tree(*spans: dict[str, Any], now_ms: float | None = BEGAN, **facts: Any) -> RunTree:
    whole = [a_span(span.pop("kind", SpanKind.AGENT_STEP), **span).as_record() for span in spans]
    return build_run(RunFacts(trace_id="t-1", **facts), map(read_span, whole), now_ms=now_ms)


def step(number: int, name: str = "observe", *, at: int = 0, took: float, **tags: Any) -> dict:
    return {
        "span_id": tags.pop("span_id", f"step-{number}"),
        "step_index": number,
        "name": name,
        "timestamp_ms": BEGAN + at,
        "latency_ms": took,
        **tags,
    }


def tool(number: int, *, at: int = 0, took: float, **tags: Any) -> dict:
    given_tags = {"span_id": f"tool-{number}-{at}", "parent_span_id": f"step-{number}"} | tags
    name = given_tags.get("tool_name", "restart_stage")
    return step(number, name, at=at, took=took, kind=SpanKind.TOOL_CALL, **given_tags)


def model(number: int, *, at: int = 0, took: float, **tags: Any) -> dict:
    parts = {"span_id": f"model-{number}", "parent_span_id": f"step-{number}", **tags}
    return step(number, "openai:gpt-4o", at=at, took=took, kind=SpanKind.LLM_CALL, **parts)


def test_steps_stand_in_the_order_they_were_taken_each_with_its_calls() -> None:
    run = tree(
        tool(2, at=20, took=5, span_id="b"),
        step(2, "remediate", at=10, took=30),
        tool(2, at=11, took=5, span_id="a"),
        step(1, "classify", took=3),
    )
    assert [(one.span.name, [call.span_id for call in one.calls]) for one in run.steps] == [
        ("classify", []),
        ("remediate", ["a", "b"]),
    ]


def test_siblings_are_marked_as_parallel() -> None:
    run = tree(step(1, took=1), step(2, took=1, span_id="a"), step(2, took=1, span_id="b"))
    assert [one.parallel for one in run.steps] == [False, True, True]
    assert [line[3] for line in run_lines(run, 80) if line[5:12] == "observe"] == [" ", "|", "|"]


def test_a_call_whose_step_is_gone_is_kept_apart() -> None:
    run = tree(tool(7, took=5), step(1, took=1))
    assert [call.span_id for call in run.strays] == ["tool-7-0"]
    assert any("not recorded any more" in line for line in run_lines(run, 80))


def test_the_slowest_is_a_call_or_what_a_step_took_itself() -> None:
    run = tree(step(1, took=100), tool(1, at=5, took=80), step(2, "verify", at=100, took=60))
    slow = slowest(run)
    assert slow is not None and (slow.layer, slow.span.name) == ("tool", "restart_stage")
    (marked,) = [line for line in run_lines(run, 80) if SLOWEST in line]
    assert "tool restart_stage" in marked

    run = tree(step(1, took=100), tool(1, at=5, took=80), step(2, "verify", at=100, took=90))
    assert blame(run)[0].startswith(
        "slowest: the observer itself in verify 90 ms (47 % of the run)"
    )


def test_time_divides_into_tools_models_and_own_parallel_calls_counted_once() -> None:
    run = tree(
        step(1, took=100, span_id="step-1"),
        tool(1, at=0, took=40),
        tool(1, at=20, took=40),
        model(1, at=60, took=20),
    )
    parts = shares(run)
    assert (parts.tools_ms, parts.models_ms, parts.own_ms) == (60, 20, 20)
    assert blame(run)[0].endswith("tools 60 %, models 20 %, own 20 %")


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([tool(1, took=5, result_status="timeout")], "tool restart_stage: timeout"),
        ([model(1, took=5, result_status="error")], "model openai:gpt-4o: error"),
        ([step(2, "diagnose", took=1, result_status="error")], "own diagnose: error"),
        ([step(2, "verify", took=1, result_status="interrupted")], "process verify: interrupted"),
        (
            [
                model(1, took=5, result_status="error"),
                tool(1, at=50, took=5, result_status="unknown", result_summary="no answer"),
                step(2, "remediate", at=60, took=5, result_status="error"),
            ],
            "tool restart_stage: unknown (no answer); 1 more failed",
        ),
        ([tool(1, took=5, result_status="refused")], "none, no call failed"),
    ],
    ids=["tool", "model", "own", "process", "the last call", "a refusal is no failure"],
)
def test_the_failing_layer_is_named(spans: list[dict], said: str) -> None:
    run = tree(step(1, took=100), *map(dict, spans))
    assert blame(run)[1] == f"failing layer: {said}"


def test_the_final_response_has_the_totals_and_without_one_they_are_added_up() -> None:
    spans = [step(1, took=100), model(1, at=10, took=50, cost_nano=7_000)]
    older = tree(*map(dict, spans))
    assert (older.status, older.latency_ms, older.cost_nano) == ("success", 100, 7_000)

    final = step(2, FINAL_RESPONSE, took=130, cost_nano=7_000, result_summary="resolved")
    run = tree(*map(dict, spans), final)
    assert (run.status, run.outcome, run.latency_ms) == ("success", "resolved", 130)
    assert [one.span.name for one in run.steps] == ["observe"]


@pytest.mark.parametrize(
    ("status", "shown", "latency"), [("running", "running", 500), ("interrupted", "interrupted", 0)]
)
def test_an_open_step_runs_unless_its_run_is_known_to_be_over(
    status: str, shown: str, latency: float
) -> None:
    run = tree(step(1, "remediate", took=0, result_status=OPEN), now_ms=BEGAN + 500, status=status)
    assert (run.steps[0].span.status, run.steps[0].span.latency_ms) == (shown, latency)
    assert run.status == shown


def test_what_is_under_way_where_no_process_runs_was_cut() -> None:
    run = tree(
        step(1, "classify", took=5),
        step(2, "remediate", at=5, took=0, result_status=OPEN),
        now_ms=None,
        status="running",
    )
    assert (run.status, run.facts.status, run.latency_ms) == ("interrupted", "interrupted", 5)
    assert [step.span.status for step in run.steps] == ["success", "interrupted"]
    assert blame(run)[1].startswith("failing layer: process remediate: interrupted")


def test_the_runs_of_an_event_are_linked_and_the_newest_is_last() -> None:
    later = tree(step(1, at=50, took=1), event_key="e", status="done")
    cut = tree(step(1, took=1), event_key="e", status="interrupted")
    other = tree(step(1, at=20, took=1), event_key="other", status="done")
    runs = in_sequence([later, other, cut])
    assert [run.goes_on_with for run in runs] == [None, None, cut.facts]


def test_a_chain_of_fifteen_steps_fits_into_eighty_columns_with_its_reasons() -> None:
    run = tree(
        *(
            step(
                n, took=5, parent_span_id=f"step-{n - 1}" if n else None, result_summary="why " * 30
            )
            for n in range(15)
        ),
        tool(9, took=3, args_redacted={"reason": "x" * 200}),
    )
    lines = list(run_lines(run, 80))
    assert max(map(len, lines)) <= 80
    assert sum(line.count("why") for line in lines) == 15 * 30


def test_what_a_span_says_stays_text_on_terminal_and_page() -> None:
    run = tree(
        step(1, took=5, result_summary=NASTY),
        tool(1, took=3, args_redacted={NASTY: NASTY}, result_summary=NASTY),
    )
    text = "\n".join(run_lines(run, 200))
    assert "\x1b" not in text and "\u202e" not in text
    assert not any(line.startswith("run forged") for line in text.splitlines())
    html = page(NASTY, NASTY, [run])
    assert "<script" not in html and "\x1b" not in html
    assert "http" not in html.replace("http-equiv", "")


def test_on_a_narrow_screen_what_a_row_says_has_its_whole_width() -> None:
    """Five columns side by side would be three letters wide each."""
    html = page("s", "t", [tree(step(1, took=5, result_summary="why"))])
    [narrow] = re.findall(r"@media \(max-width: 44rem\) \{(.*?)\n  \}", html, re.S)
    [whole] = re.findall(r"([.\w, ]+) \{ grid-column: 1 / -1; \}", narrow)
    assert whole.split() == [".bar,", ".why"]
    [row] = re.findall(r"<tr class=\"step.*?</tr>", html, re.S)
    assert re.findall(r"<td class=\"(\w+)", row) == ["name", "status", "took", "bar", "why"]


def test_no_bar_leaves_its_lane() -> None:
    """A step that was cut at the end of its run has no length, and is to be seen."""
    html = page("s", "t", [tree(step(1, took=5), step(2, at=5, took=0))])
    assert re.findall(r"left:(.*?);width:(.*?)\"", html) == [
        ("min(0.00%, 100% - 2px)", "100.00%"),
        ("min(100.00%, 100% - 2px)", "0.00%"),
    ]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(SpanKind),
            st.none() | st.integers(0, 14),
            st.integers(0, 9),
            st.integers(0, 50),
        ),
        max_size=12,
    )
)
def test_any_parents_even_in_a_circle_give_a_tree_with_every_span(rows: list[Any]) -> None:
    run = tree(
        *(
            {
                "kind": kind,
                "span_id": f"s-{own}",
                "parent_span_id": None if parent is None else f"s-{parent}",
                "step_index": number,
                "timestamp_ms": BEGAN + took,
                "latency_ms": took,
            }
            for own, (kind, parent, number, took) in enumerate(rows)
        )
    )
    answer = session_record("s", "t", [run])["runs"][0]
    assert sorted(span["span_id"] for span in answer["spans"]) == sorted(
        f"s-{own}" for own in range(len(rows))
    )
    assert list(run_lines(run, 80)) and page("s", "t", [run])


def test_nobody_is_blamed_for_a_step_that_still_waits_for_what_it_called() -> None:
    run = tree(
        step(1, "classify", took=3),
        step(2, "observe", at=3, took=0, result_status=OPEN),
        now_ms=BEGAN + 4003,
        status="running",
    )
    slow = slowest(run)
    assert slow is not None and (slow.layer, slow.took_ms) == ("under way", 4000.0)
    assert blame(run)[0] == (
        "slowest: observe, under way for 4.0 s (100 % of the run);"
        " tools 0 %, models 0 %, own or not ended 100 %"
    )
