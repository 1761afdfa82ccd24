"""What a person reads: untrusted text in it is inert, and a fact is a line."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.calls import Call, CallStatus, Observation
from observer.domain.course import Course, Recorded
from observer.domain.event import Incident, Severity
from observer.domain.remedy import Check, Remedy
from observer.domain.report import NOTICE_WORDS, Findings, inert

ATTACKS = {
    "script": "<script>alert(1)</script>",
    "slack mention": "<!channel> <@U123ABC> <!here|here>",
    "slack link": "<https://evil.example|your bank>",
    "html entity": "&lt;script&gt;",
    "terminal colours": "\x1b[31mred\x1b[0m",
    "terminal title": "\x1b]0;owned\x07",
    "terminal c1": "\x9b2J",
    "carriage return": "all is well\rWIPED",
    "backspace": "good\x08\x08\x08\x08bad",
    "bidi override": "\u202egnp.exe",
    "bidi isolate": "\u2066a\u2069",
    "zero width": "ad\u200bmin",
    "line separator": "a\u2028Result: healed and verified",
    "forged line": "x\nResult: healed and verified (nothing)",
    "forged log": "x\r\nCRITICAL on loading",
}


def findings(**changed: Any) -> Findings:
    text = changed.pop("message", "slow")
    stage = "loading"
    incident = Incident(
        "default", "loading-1", "e-1", "k" * 32, stage, text, Severity.WARNING, text, "f"
    )
    whole: dict[str, Any] = {
        "incident": incident,
        "observations": [Observation("k", "get_recent_errors", CallStatus.SUCCESS, text)],
        "cause": text,
        "impact": ["pipeline_freshness (promise: 60s, ALWAYS)"],
        "walk": [f"Cleared: loading: {text}"],
        "remedy": Remedy(
            "restart_stage",
            "diagnosis",
            (Call("restart_stage", {"stage": stage, "reason": text}),),
            Check("get_stage_metrics", "x < 1", 1.0, 1.0),
        ),
        "healthy": False,
        "reason": text,
        "before": [f"loading: {text}"],
        "after": [f"loading: {text}"],
    }
    return Findings(**{**whole, **changed})


def harmless(text: str) -> bool:
    return (
        "<" not in text
        and ">" not in text
        and not any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in text)
    )


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_untrusted_text_is_inert_in_everything_a_person_reads(attack: str) -> None:
    """Case 60."""
    shown = findings(message=attack)
    assert harmless(inert(attack))
    assert harmless(shown.headline)
    assert harmless(shown.question)
    assert harmless(shown.summary)
    assert all(harmless(line) for line in shown.text.split("\n"))


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_nobody_can_add_a_line_to_the_report(attack: str) -> None:
    """Case 60."""
    plain, attacked = (findings(message=m).text.splitlines() for m in ("slow", attack))
    assert [line.split(":")[0] for line in attacked] == [line.split(":")[0] for line in plain]


@given(st.text(), st.integers(0, 50))
def test_any_text_becomes_one_harmless_line_within_its_length(text: str, limit: int) -> None:
    shown = inert(text, limit)
    assert "<" not in shown
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(c) == "Cc" for c in shown)
    assert len(shown) <= limit * len("&amp;")


@pytest.mark.parametrize(
    "text", ["Rate 3.2% (threshold: 1%)", "naïve 日本語 \U0001f600", "a-b_c.d:e/f#1 [x](y)"]
)
def test_ordinary_text_is_shown_as_it_is(text: str) -> None:
    assert inert(text) == text


def test_words_on_several_lines_stay_apart() -> None:
    assert inert("one\n\ttwo") == "one two"


def test_a_megabyte_of_log_makes_a_short_report() -> None:
    """Case 71."""
    shown = findings(message="<" * 1_000_000)
    assert len(shown.text) < 20_000
    assert len(shown.summary) < 5_000
    assert len(shown.headline) < 1_000


def test_the_report_says_what_fired_what_was_seen_and_how_it_ended() -> None:
    assert findings(healthy=True, cause="").text.splitlines() == [
        "What fired: slow",
        "Severity: WARNING (slow)",
        "Stage: loading",
        "Suffers: pipeline_freshness (promise: 60s, ALWAYS)",
        "Cleared: loading: slow",
        "get_recent_errors: success: slow",
        "Cause: not found",
        "Before: loading: slow",
        "After: loading: slow",
        "Result: healed and verified (restart_stage)",
    ]


@pytest.mark.parametrize("healthy", [False, None])
def test_only_a_proven_healing_is_called_healed(healthy: bool | None) -> None:
    assert findings(healthy=healthy, reason="no proof").ending == "not healed: no proof"


FIGURES = {"stage": "loading", "values": {"error_rate_pct": 3.2, "queue_depth": 40}}
COURSE = Course(
    calls=[
        Recorded("get_metrics", "h1", {}, "read", "success", {**FIGURES, "limit": 5}),
        Recorded("get_metrics", "h2", {}, "read", "success", {"error_rate_pct": 9}),
        Recorded("restart_stage", "h3", {"stage": "loading"}, "remedy", "success", {"count": 1}),
        Recorded("get_metrics", "h1", {}, "read", "error", {"error_rate_pct": 77}),
        Recorded("get_metrics", "h1", {}, "read", "success", {"error_rate_pct": 0.1, "limit": 5}),
    ],
    took_s=42.4,
)
WALK = ["Found: loading: stale", "Path: freshness → loading", "Cleared: indexing: healthy"]


def test_the_chain_says_what_fired_was_found_was_done_and_what_the_figures_are_now() -> None:
    """Seed 002: before and after of the same look, and the time it took."""
    story = {"cause": "stuck", "walk": WALK, "course": COURSE}
    shown = findings(healthy=True, before=[], after=[], **story)
    assert shown.chain.splitlines() == [
        "WARNING on loading: slow",
        "Found: loading: stale",
        "Path: freshness → loading",
        "Cause: stuck",
        "Done: restart_stage: success {'stage': 'loading'}",
        "Before and after: error_rate_pct 3.2 → 0.1",
        "Result: healed and verified (restart_stage)",
        "Took: 42 s since the alert",
        "Session: loading-1",
    ]
    assert "Before and after: error_rate_pct 3.2 → 0.1" in shown.text
    assert shown.text.endswith("Took: 42 s since the alert")


def test_a_chain_that_asks_says_what_is_proposed() -> None:
    shown = findings(approval_id="a1").chain
    assert "Proposed: restart_stage {'stage': 'loading'" in shown and "Result" not in shown


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_nobody_can_add_a_line_to_the_chain(attack: str) -> None:
    """Case 60."""
    call = Recorded(attack, "h", {attack: attack}, "remedy", "success", {attack: 1})
    look = Recorded("look", "l", {}, "read", "success", {attack: 1})
    course = Course([look, call, replace(look, payload={attack: 2})], 1.0)
    for seen in ({}, {"before": [], "after": []}):
        plain, attacked = (
            findings(message=m, course=course, **seen).chain.splitlines() for m in ("slow", attack)
        )
        assert [line.split(":")[0] for line in attacked[1:]] == [
            line.split(":")[0] for line in plain[1:]
        ]
        assert all(harmless(line) for line in attacked)


def test_every_word_can_be_filled_in() -> None:
    words = findings(approval_id="a1").words()
    assert set(words) == set(NOTICE_WORDS)
    assert words["incident_key"] == "default/loading-1"
    assert (words["severity"], words["approval_id"]) == ("WARNING", "a1")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.25, "0.2 s"), (42.4, "42 s"), (119, "119 s"), (121, "2 min"), (7500, "2 h 5 min")],
)
def test_the_time_taken_is_for_people(seconds: float, words: str) -> None:
    assert Course(took_s=seconds).took == words


def test_the_summary_names_the_ticket_once_there_is_one() -> None:
    assert findings(incident_id="INC-7").summary.startswith("INC-7: loading: slow | ")
    assert findings().summary.startswith("loading: slow | ")


def test_before_and_after_and_the_time_stand_where_somebody_looked_before() -> None:
    lines = findings(before=["a: 73 s"], after=["a: 4 s"], course=Course(took_s=44.6)).text
    assert "Before: a: 73 s\nAfter: a: 4 s\nResult: " in lines
    assert lines.endswith("Took: 45 s since the alert")
    assert "After: " not in findings(before=[], after=["a: 4 s"]).text


def test_what_recovered_by_itself_is_said_to_have() -> None:
    assert findings(healthy=None, recovered=True).ending == (
        "Recovered by itself: nothing was done"
    )
