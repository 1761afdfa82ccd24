"""Known errors: pattern, node and condition, all three; a pattern costs linear time."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.conditions import parse_condition
from observer.domain.known_error import KnownError, Signature, match
from observer.domain.patterns import compile_pattern

LINES = ["INFO ok", "ERROR unexpected field 'legacy_id' in record 77"]
METRICS = {"error_rate_pct": 3.2}


def known(pattern: str = "unexpected field '(\\w+)'", condition: str | None = "error_rate_pct > 1"):
    parsed = parse_condition(condition) if condition else None
    signature = Signature(pattern, "transformation", parsed)
    return KnownError("ke-1", signature, "old column", "automated", None, "medium")


def test_pattern_node_and_condition_together_match_and_the_reason_says_so() -> None:
    found = match(known(), node="transformation", lines=LINES, metrics=METRICS)
    assert found.matched
    assert found.reason == "ke-1: log pattern and node match, and error_rate_pct is 3.2 (> 1)"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"node": "loading"}, "ke-1 is about transformation, not loading"),
        ({"lines": ["INFO ok"]}, "no recent line of transformation matches its log pattern"),
        ({"lines": []}, "no recent line of transformation matches its log pattern"),
        ({"metrics": {"error_rate_pct": 0.5}}, "but error_rate_pct is 0.5 (> 1) is false"),
        ({"metrics": {}}, "but error_rate_pct was not observed is unknown"),
        ({"metrics": {"error_rate_pct": float("nan")}}, "was not observed is unknown"),
    ],
    ids=["other node", "other line", "no line", "condition false", "metric absent", "not a number"],
)
def test_a_near_miss_does_not_match_and_says_which_part_is_missing(
    changed: dict[str, Any], reason: str
) -> None:
    """Case 88: an old error line with a healthy metric is no match."""
    observed: dict[str, Any] = {"node": "transformation", "lines": LINES, "metrics": METRICS}
    found = match(known(), **{**observed, **changed})
    assert not found.matched
    assert reason in found.reason


@given(
    st.sampled_from(["transformation", "loading"]),
    st.lists(st.sampled_from(LINES)),
    st.dictionaries(st.sampled_from(["error_rate_pct", "x"]), st.floats() | st.integers()),
)
def test_nothing_less_than_all_three_signals_ever_matches(
    node: str, lines: list[str], metrics: dict[str, Any]
) -> None:
    found = match(known(), node=node, lines=lines, metrics=metrics)
    all_three = (
        node == "transformation"
        and any("legacy_id" in line for line in lines)
        and metrics.get("error_rate_pct", 0) > 1
    )
    assert found.matched is all_three


def test_without_a_condition_pattern_and_node_are_enough() -> None:
    assert match(known(condition=None), node="transformation", lines=LINES, metrics={}).matched


@pytest.mark.parametrize("pattern", ["(?<=a)b", "a(?!b)", r"(a)\1", "(", "a{2,1}", "[z-a]", "*"])
def test_a_pattern_that_re2_cannot_run_in_linear_time_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="not an RE2 pattern"):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(.*)*x", "^(([a-z])+.)+[A-Z]([a-z])+$", "(a?){500}a{500}"]
)
def test_an_evil_pattern_is_loaded_and_matched_within_its_time(pattern: str) -> None:
    """Case 72: `re` takes longer than the age of the universe for some of these."""
    line = "a" * 20_000 + "!"
    started = time.thread_time()
    with contextlib.suppress(ValueError):  # too large a program: refused at load, as good
        match(known(pattern), node="transformation", lines=[line], metrics=METRICS)
    assert time.thread_time() - started < 0.05


def test_refusing_a_pattern_writes_nothing_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="RE2"):
        compile_pattern("(?=quiet)")
    assert capfd.readouterr().err == ""
