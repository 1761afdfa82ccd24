"""The mission's figures, rules and trend: facts in, a verdict with its reasons out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.dependency_tree import DependencyTree, Metric
from observer.domain.event import Severity
from observer.domain.failure import Failure, Result, broken_by
from observer.domain.mission import (
    PAGED_AGAIN_S,
    SAME_FAILURE_S,
    Activity,
    OfNode,
    OpenIncident,
    Page,
    Snapshot,
    snapshot_of,
)
from observer.domain.mission_rules import figures, judge, told, trend
from observer.domain.sla import parse_promise
from observer.domain.uptime import Uptime
from observer.domain.windows import ALWAYS
from tests.unit.mission_week import (
    A_GOOD_WEEK,
    DAY,
    END,
    FAILURES,
    PERCENT,
    TERMS,
    TREE,
    UNHEALTHY_S,
    WATCHED,
    at,
)

NOW = 1_800_000_000.0
GOOD = Snapshot(
    taken_at=NOW,
    runs=10,
    severities={Severity.INFO: 3, Severity.WARNING: 10, Severity.CRITICAL: 2},
    results={Result.HEALED: 11, Result.HANDED_OVER: 1},
    uptime=Uptime(healthy_s=604_500, unhealthy_s=300, unwatched_s=0),
    metrics=[],
    open_incidents=[],
    open_count=0,
    late_p1=0,
    pages=2,
    repeated_pages=0,
    duplicate_deliveries=40,
    duplicate_incidents=1,
    healed=11,
    real=12,
    healed_again=[OfNode(node="loading", times=3)],
    false_alarms=2,
    tool_calls=70,
    cost_usd=0.12,
)


def open_for(minutes: float, severity: Severity) -> dict[str, Any]:
    incident = OpenIncident(node="loading", severity=severity, unresolved_s=minutes * 60)
    return {"open_incidents": [incident], "open_count": 1}


def up(unhealthy_s: float, unwatched_s: float = 0.0) -> dict[str, Any]:
    healthy = 604_800 - unhealthy_s - unwatched_s
    seen = Uptime(healthy_s=healthy, unhealthy_s=unhealthy_s, unwatched_s=unwatched_s)
    return {"uptime": seen}


def test_a_week_has_the_uptime_and_the_verdict_that_were_computed_by_hand() -> None:
    """Each figure of the table of `mission_week`, to four decimals."""
    taken = snapshot_of(Activity(FAILURES, WATCHED, pages=[]), TREE, TERMS, END)

    found = {"pipeline": taken.uptime, **{m.metric: m.uptime for m in taken.metrics}}
    assert {name: seen.unhealthy_s for name, seen in found.items()} == UNHEALTHY_S
    assert {name: round(seen.percent or 0, 4) for name, seen in found.items()} == PERCENT
    assert found["pipeline"].unwatched_s == 8 * 3600
    assert found["reports"].unwatched_s == 0
    assert (taken.late_p1, taken.open_count, taken.false_alarms) == (3, 1, 1)
    assert (taken.healed, taken.real) == (4, 6)

    judgement = judge(taken, TERMS)

    assert judgement.verdict == "failing"
    assert judgement.reasons == [
        "P1 on loading unresolved for 30m (more than 15m)",
        "uptime of the pipeline is 98.3333 %, under 99.9 %",
        "uptime of freshness is 98.6458 %, under 99.9 %",
        "uptime of reports is 98.7500 %, under 99.9 %",
        "3 P1 took longer than 15m",
    ]
    assert judgement.advice.startswith("see to loading first; find out what took the pipeline down")


def test_the_same_week_without_down_time_is_on_track_and_the_better_one() -> None:
    bad = snapshot_of(Activity(FAILURES, WATCHED, pages=[]), TREE, TERMS, END)
    good = snapshot_of(Activity(A_GOOD_WEEK, WATCHED, pages=[]), TREE, TERMS, END)
    assert judge(good, TERMS).verdict == "on_track"
    assert good.uptime.percent == 100.0
    assert trend(good, bad, TERMS) == "better"
    assert trend(bad, good, TERMS) == "worse"


FINDINGS: dict[str, tuple[dict[str, Any], str, str]] = {
    "P1 open too long": (open_for(16, Severity.CRITICAL), "failing", "loading unresolved for 16m"),
    "late P1": ({"late_p1": 1}, "at_risk", "1 P1 took longer than 15m"),
    "all the down time of a window": (up(605), "failing", "under 99.9 %"),
    "short watched, some down time": (up(60, 600_000), "at_risk", "under 99.9 %"),
    "paged again": ({"repeated_pages": 3, "pages": 6}, "at_risk", "reduce paging"),
    "false alarms": ({"false_alarms": 6}, "at_risk", "6 of 18 alarms were false"),
    "doubled incidents": ({"duplicate_incidents": 2}, "at_risk", "incident dedup is failing"),
    "few are healed": ({"healed": 5}, "at_risk", "auto-remediation rate is 42% of 12"),
    "healed again and again": (
        {"healed_again": [OfNode(node="loading", times=5)]},
        "at_risk",
        "issues aren't being surfaced",
    ),
}


@pytest.mark.parametrize("name", FINDINGS)
def test_each_rule_finds_its_own_and_says_so(name: str) -> None:
    change, verdict, said = FINDINGS[name]
    judgement = judge(GOOD.model_copy(update=change), TERMS)
    assert judgement.verdict == verdict
    assert said in " ".join([judgement.advice, *judgement.reasons])
    assert len(judgement.reasons) == 1


QUIET: dict[str, dict[str, Any]] = {
    "as good as it gets": {},
    "P1 open, not for long": open_for(15, Severity.CRITICAL),
    "WARNING open for long": open_for(600, Severity.WARNING),
    "exactly the target": up(604.8),
    "nothing was watched": up(0, 604_800),
    "no failure at all": {"real": 0, "healed": 0, "false_alarms": 0},
    "a few failures, none healed": {"real": 4, "healed": 0},
}


@pytest.mark.parametrize("name", QUIET)
def test_what_no_rule_is_about_is_on_track(name: str) -> None:
    judgement = judge(GOOD.model_copy(update=QUIET[name]), TERMS)
    assert (judgement.verdict, judgement.reasons) == ("on_track", [])


def test_the_worst_finding_decides_and_comes_first() -> None:
    change = {"repeated_pages": 9, **open_for(20, Severity.CRITICAL)}
    judgement = judge(GOOD.model_copy(update=change), TERMS)
    assert judgement.verdict == "failing"
    assert judgement.reasons[0].startswith("P1 on loading")
    assert judgement.advice == "see to loading first; on-call is fatigued, reduce paging"


def test_the_trend_goes_by_verdict_then_uptime_then_by_how_much_is_amiss() -> None:
    worse = GOOD.model_copy(update={"duplicate_incidents": 5})
    worst = worse.model_copy(update={"repeated_pages": 5})
    assert trend(GOOD, None, TERMS) is None
    assert trend(GOOD, GOOD, TERMS) == "same"
    assert trend(GOOD, worse, TERMS) == "better"
    assert trend(worst, worse, TERMS) == "worse"
    assert trend(GOOD, GOOD.model_copy(update=up(0)), TERMS) == "worse"
    assert trend(GOOD, GOOD.model_copy(update=up(299)), TERMS) == "same"
    assert trend(GOOD, GOOD.model_copy(update=up(0, 604_800)), TERMS) == "same"


def test_a_snapshot_is_the_same_after_a_journey_as_json() -> None:
    taken = snapshot_of(Activity(FAILURES, WATCHED, pages=[]), TREE, TERMS, END)
    assert Snapshot.model_validate(taken.model_dump(mode="json")) == taken
    assert Snapshot.model_validate_json(taken.model_dump_json()) == taken


def test_every_figure_stands_in_the_text_that_a_judge_reads() -> None:
    taken = snapshot_of(Activity(FAILURES, WATCHED, pages=[]), TREE, TERMS, END)
    text = "\n".join(figures(taken, TERMS))
    assert "Within 7d: 0 INFO, 3 WARNING, 5 CRITICAL; of these 1 open, 4 healed" in text
    assert "98.3333 %, unhealthy for 2h 40m, not watched for 8h" in text
    assert "Open: CRITICAL on loading, unresolved for 30m" in text
    assert "Healed by the observer: 4 of 6 real failures (67%)" in text


def test_a_page_is_repeated_when_its_node_or_session_was_paged_shortly_before() -> None:
    def paged(*pages: tuple[float, str, str]) -> int:
        listed = [Page("default", session, node, end) for end, session, node in pages]
        taken = snapshot_of(Activity([], WATCHED, listed), TREE, TERMS, END)
        assert taken.pages == sum(page.at >= END - 7 * DAY for page in listed)
        return taken.repeated_pages

    begin = at(1, 0)
    assert paged((begin, "a", "loading"), (begin + PAGED_AGAIN_S, "b", "loading")) == 1
    assert paged((begin, "a", "loading"), (begin + PAGED_AGAIN_S + 1, "b", "loading")) == 0
    assert paged((begin, "a", "loading"), (begin + 60, "a", "indexing")) == 1
    assert paged((begin, "a", "loading"), (begin + 60, "b", "indexing")) == 0
    # The one before the window is only what the first one in it repeats.
    assert paged((END - 7 * DAY - 60, "a", "loading"), (END - 7 * DAY, "b", "loading")) == 1


def test_sessions_about_one_node_that_begin_close_together_are_doubled_incidents() -> None:
    def doubled(*begun: tuple[float, str, str]) -> int:
        failures = [
            Failure(tenant, f"s{i}", "loading", Severity.WARNING, Result.HEALED, frozenset(), b, b)
            for i, (b, tenant, _) in enumerate(begun)
        ]
        failures = [replace(f, session_id=s) for f, (_, _, s) in zip(failures, begun, strict=True)]
        return snapshot_of(Activity(failures, WATCHED, []), TREE, TERMS, END).duplicate_incidents

    begin = at(1, 0)
    assert doubled((begin, "t", "a"), (begin + SAME_FAILURE_S, "t", "b")) == 1
    assert doubled((begin, "t", "a"), (begin + SAME_FAILURE_S + 1, "t", "b")) == 0
    assert doubled((begin, "t", "a"), (begin + 1, "t", "a")) == 0
    assert doubled((begin, "t", "a"), (begin + 1, "other", "b")) == 0


def test_what_was_healed_with_another_one_makes_no_one_look_idle() -> None:
    """Case 32: of a hundred alerts about one cause one is healed; the others are no failure."""
    results = [Result.HEALED, Result.HANDED_OVER, *[Result.SPARED] * 8]
    failures = [
        Failure("t", f"s{i}", f"n{i}", Severity.WARNING, result, frozenset(), at(1, i), at(1, i))
        for i, result in enumerate(results)
    ]
    taken = snapshot_of(Activity(failures, WATCHED, []), TREE, TERMS, END)
    assert (taken.healed, taken.real, taken.auto_remediation) == (1, 2, 0.5)
    assert judge(taken, TERMS).verdict == "on_track"


def test_which_promises_a_failure_breaks() -> None:
    query = Metric(
        "answered", "", "60s", ALWAYS, query="lag", kept=parse_promise("60s", "lag"),
        depends_on=("loading",),
    )  # fmt: skip
    tree = DependencyTree(
        metrics={
            "said": Metric("said", "", "60s", ALWAYS, depends_on=("loading",)),
            "answered": query,
        },
        nodes=TREE.nodes,
    )

    def broken(about: str, severity: Severity, **read: list[str]) -> set[str]:
        return set(broken_by(tree, about=about, node=about, severity=severity, **read))

    assert broken("loading", Severity.WARNING) == set()
    # A metric that can be asked is asked; one that cannot is believed to suffer.
    assert broken("loading", Severity.CRITICAL) == {"said"}
    assert broken("loading", Severity.WARNING, broken=["answered"]) == {"answered"}
    assert broken("answered", Severity.WARNING) == {"answered"}
    assert broken("answered", Severity.WARNING, kept=["answered"]) == set()


@given(st.floats(0, 400 * 86400))
def test_a_duration_is_told_in_at_most_two_units(seconds: float) -> None:
    assert 1 <= len(told(seconds).split()) <= 2


def test_durations_are_told_as_people_write_them() -> None:
    assert [told(s) for s in (0, 40, 900, 7500, 7 * DAY, DAY + 61)] == [
        "0s", "40s", "15m", "2h 5m", "7d", "1d 1m",
    ]  # fmt: skip
