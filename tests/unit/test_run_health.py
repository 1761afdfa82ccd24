"""The detectors: what is an anomaly, what never is, and what ends without progress."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from observer.domain.calls import CallStatus, Purpose
from observer.domain.health import (
    Anomaly,
    Finding,
    MadeCall,
    RunHistory,
    is_decision,
    progress_lacks,
    repeated,
)
from observer.settings.health import Health

LIMITS = Health().limits
SUCCESS, ERROR, REFUSED = CallStatus.SUCCESS, CallStatus.ERROR, CallStatus.REFUSED


def call(number: int, what: str, *, place: str = "read", **changes: object) -> MadeCall:
    """The run's call of this number; what is in capitals, acts."""
    purpose = Purpose.REMEDY if what.isupper() and place == "remedy" else Purpose.READ
    where = f"{place}/{number}/{what}/0"
    made = MadeCall(where, where, what, f"hash of {what}", purpose, SUCCESS)
    return replace(made, **changes)  # type: ignore[arg-type]


def history(whats: str, **limits: object) -> RunHistory:
    """A run that read this; capitals are remedies."""
    places = {True: "remedy", False: "read"}
    made = [call(i, what, place=places[what.isupper()]) for i, what in enumerate(whats)]
    return RunHistory(replace(LIMITS, **limits), made)  # type: ignore[arg-type]


def anomaly(run: RunHistory) -> Anomaly | None:
    return None if run.finding is None else run.finding.anomaly


@pytest.mark.parametrize("whats", ["aaa", "abcaba", "abacda", "xabac" + "a"])
def test_the_same_call_three_times_is_stuck(whats: str) -> None:
    """Case 33: also where other calls lie between, which a model alternates with."""
    assert anomaly(history(whats[:-1])) is None
    assert anomaly(history(whats)) is Anomaly.STUCK


@pytest.mark.parametrize("whats", ["abab", "xyzabab", "abcabc", "aabaab"])
def test_calls_that_come_round_again_are_a_loop(whats: str) -> None:
    """Case 34."""
    many = {"stuck_threshold": 9}
    assert anomaly(history(whats[:-1], **many)) is None
    assert anomaly(history(whats, **many)) is Anomaly.LOOP


def test_a_b_a_b_is_a_loop_with_the_shipped_limits_and_says_what_goes_round() -> None:
    """Case 34."""
    finding = history("abab").finding
    assert finding is not None
    assert finding.reason == "loop: the same calls come round again: a, b"


def test_a_pattern_longer_than_half_the_window_is_not_seen() -> None:
    pattern = "abcdefghijk"
    assert anomaly(history(pattern * 2)) is None
    assert anomaly(history(pattern * 2, loop_window=22)) is Anomaly.LOOP


def test_three_empty_answers_one_after_the_other_are_an_anomaly() -> None:
    """Case 35: under ten characters, white space apart."""
    run = history("")
    for text in ("", "  {}  \n", "123456789"):
        assert run.finding is None
        run.note_answer(text)
    assert run.finding == Finding(
        Anomaly.EMPTY, "3 answers of the model, one after the other, say nothing"
    )


def test_an_answer_that_says_something_begins_the_count_anew() -> None:
    """Case 35."""
    run = history("")
    for text in ("", "", "1234567890", "", ""):
        run.note_answer(text)
    assert run.finding is None


def test_what_is_read_again_after_something_was_done_is_another_look() -> None:
    assert anomaly(history("abXabYab")) is None
    assert anomaly(history("abXabYaaa")) is Anomaly.STUCK


def test_the_same_remedy_three_times_is_stuck_whatever_is_read_between() -> None:
    """Case 33, for what acts."""
    assert anomaly(history("aXbXc")) is None
    assert anomaly(history("aXbXcX")) is Anomaly.STUCK


def test_a_remedy_is_one_decision_however_many_steps_it_has() -> None:
    run = history("")
    for step in range(6):
        made = call(step, "R", place="remedy", purpose=Purpose.REMEDY)
        run.note_call(replace(made, place=f"remedy/0/ke-1/{step}", key=str(step)))
    assert run.finding is None


@pytest.mark.parametrize(
    ("place", "counts"),
    [
        ("read/0/1/get_stage_metrics", True),
        ("remedy/0/restart_stage/0", True),
        ("remedy/0/restart_stage/1", False),
        ("rollback/0/restart_stage/0", False),
        ("verify/0/0", False),
        ("look/redis", False),
        ("second look/redis", False),
        ("promise/freshness", False),
        ("log/redis", False),
        ("condition/redis", False),
        ("tell/0/outcome-0", False),
    ],
)
def test_what_is_decided_counts_and_what_waits_for_something_does_not(
    place: str, counts: bool
) -> None:
    assert is_decision(place) is counts
    run = history("")
    for number in range(5):
        run.note_call(MadeCall(f"k{number}", place, "a", "h", Purpose.READ, SUCCESS))
    assert (run.finding is not None) is counts


def test_a_call_that_was_refused_or_recorded_before_is_none() -> None:
    run = history("aa")
    run.note_call(call(0, "a"))
    run.note_call(call(9, "a", status=REFUSED))
    run.note_call(call(9, "a", purpose=Purpose.NOTIFY))
    assert run.finding is None


def test_more_than_the_allowed_part_of_enough_calls_failing_is_an_anomaly() -> None:
    half = [call(i, f"r{i}", status=ERROR if i % 2 else SUCCESS) for i in range(10)]
    assert RunHistory(LIMITS, half).finding is None
    more = [*half[:-2], *(call(i, f"r{i}", status=ERROR) for i in (8, 9))]
    assert RunHistory(LIMITS, more[:-1]).finding is None
    found = RunHistory(LIMITS, more).finding
    assert found == Finding(Anomaly.ERROR_RATE, "6 of the last 10 calls failed")


def test_the_first_anomaly_stays() -> None:
    run = history("aaa")
    for _ in range(5):
        run.note_answer("")
    assert anomaly(run) is Anomaly.STUCK


calls = st.text(alphabet="abcdXY", max_size=60)


@pytest.mark.parametrize(
    "settings", [{"stuck_threshold": 21}, {"error_rate": {"of_at_least": 21}}, {"loop_window": 9}]
)
def test_a_limit_that_the_window_cannot_hold_is_refused(settings: dict[str, Any]) -> None:
    """It would never be reached, and nobody would know."""
    with pytest.raises(ValidationError, match="loop_window"):
        Health.model_validate(settings)


@given(st.lists(st.sampled_from("abcdefghijklmnop"), unique=True))
def test_calls_that_differ_are_never_an_anomaly(whats: list[str]) -> None:
    assert history("".join(whats)).finding is None


@given(calls)
def test_a_run_that_goes_on_for_ever_is_found_out(whats: str) -> None:
    """Case 82: whatever a model alternates with, it gets no further than this."""
    reads = [w for w in whats if w.islower()]
    run = history("".join(reads))
    assert len(reads) <= 2 * 4 or run.finding is not None


@given(calls, st.integers(0, 60))
def test_a_history_that_is_built_again_from_the_records_is_the_same(whats: str, cut: int) -> None:
    whole = history(whats)
    made = [
        call(i, what, place="remedy" if what.isupper() else "read") for i, what in enumerate(whats)
    ]
    again = RunHistory(LIMITS, made[:cut])
    for each in made[max(0, cut - 2) :]:
        again.note_call(each)
    assert again.finding == whole.finding


@given(st.lists(st.sampled_from("abc"), max_size=40))
def test_a_loop_is_what_repeats_at_the_end(whats: list[str]) -> None:
    length = repeated(whats)
    if length is None:
        return
    assert whats[-length:] == whats[-2 * length : -length]
    assert len(set(whats[-length:])) > 1


@pytest.mark.parametrize("kind", [Anomaly.STUCK, Anomaly.LOOP, Anomaly.EMPTY])
def test_a_run_that_went_in_circles_and_healed_nothing_made_no_progress(kind: Anomaly) -> None:
    found = Finding(kind, "seen")
    assert progress_lacks("escalated", found, None) == Finding(Anomaly.NO_PROGRESS, f"{kind}: seen")
    assert progress_lacks("resolved", found, found) is None
    assert progress_lacks("acknowledged", found, found) is None


def test_a_session_that_does_the_same_again_made_no_progress_and_one_whose_calls_fail_did() -> None:
    again = Finding(Anomaly.STUCK, "3 events")
    failing = Finding(Anomaly.ERROR_RATE, "6 of 10")
    assert progress_lacks("escalated", None, again) is not None
    assert progress_lacks("escalated", failing, None) is None
    assert progress_lacks("escalated", None, None) is None
