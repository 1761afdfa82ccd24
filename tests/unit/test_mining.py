"""A mined signature: every error line of its kind, and not one line of a healthy day."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.dependency_tree import HealthCheck, Node
from observer.domain.learning import condition_for, healed_by, named
from observer.domain.literals import mandatory_literals
from observer.domain.mining import Mined, mine, template
from observer.domain.patterns import compile_pattern
from observer.domain.remedy import Check

STEMS = ["lost", "lease", "shard", "worker", "pool", "exhausted", "ERROR", "WARN", "retrying", "or"]
VARYING = [
    "7",
    "12:00:01,123",
    "10.0.0.7:6379",
    "/var/log/x.log",
    "deadbeef",
    "job-17",
    "id=9f",
    "é",
]
WORDS = st.sampled_from([*STEMS, *VARYING, "user=ada", "a.*b", "(x|y)", "[z]+", "$", "'q'", "{2}"])
LINES = st.lists(WORDS, max_size=9).map(" ".join)
BLANKS = st.sampled_from([" ", "  ", "\t", "\n"])


def found(pattern: str, line: str) -> bool:
    return compile_pattern(pattern).search(line) is not None


@pytest.mark.parametrize(
    ("lines", "pattern"),
    [
        (
            ["2026-11-21 12:00:01,123 ERROR Worker 7 lost its lease on shard 12"],
            r"(?:^|\s)ERROR Worker \S+ lost its lease on shard(?:\s|$)",
        ),
        (["Redis connection pool exhausted"], r"(?:^|\s)Redis connection pool exhausted(?:\s|$)"),
        (
            [
                "level=error msg=x host=a cannot reach peer",
                "level=error msg=y host=b cannot reach peer",
            ],
            r"(?:^|\s)level=\S+ msg=\S+ host=\S+ cannot reach peer(?:\s|$)",
        ),
        (
            ["login password: sesame open was refused"],
            r"(?:^|\s)login password: \S+ open was refused(?:\s|$)",
        ),
        (
            ["disk\tfull on /dev/sda1  again soon"],
            r"(?:^|\s)disk\s+full\s+on\s+\S+\s+again\s+soon(?:\s|$)",
        ),
    ],
    ids=["numbers", "plain", "pairs", "a secret's place", "blanks"],
)
def test_what_varies_becomes_a_wildcard_and_the_rest_stays(lines: list[str], pattern: str) -> None:
    assert mine(lines, []) == Mined(pattern, len(lines))


@pytest.mark.parametrize(
    "line",
    ["", "ERROR", "ERROR failed", "17 of 23", ".* .* .*", "* * *", "a b c d", "/x /y 7", "é è ê"],
)
def test_what_is_not_telling_is_no_signature(line: str) -> None:
    """Case 69: at least two words that say more than a level, and a text of four characters."""
    assert mine([line], []) is None


def test_the_commonest_kind_that_no_healthy_line_looks_like_is_taken() -> None:
    usual = ["retrying slow request 1", "retrying slow request 2", "retrying slow request 3"]
    telling = ["pool exhausted for client 1", "pool exhausted for client 2"]
    healthy = [template("12:00 retrying slow request 99")]
    assert mine([*usual, *telling, "once only here"], []) == Mined(
        r"(?:^|\s)retrying slow request(?:\s|$)", 3
    )
    assert mine([*usual, *telling, "once only here"], healthy) == Mined(
        r"(?:^|\s)pool exhausted for client(?:\s|$)", 2
    )


def test_a_line_that_says_itself_that_all_is_well_is_no_error_line() -> None:
    assert mine(["INFO pool opened for clients", 'level="info" pool opened here'], []) is None


def test_a_line_of_a_megabyte_is_cut_and_its_pattern_still_matches_it() -> None:
    line = "pool exhausted for client " + "x y " * 250_000
    mined = mine([line], [])
    assert mined is not None
    assert found(mined.pattern, line)
    assert len(mined.pattern) < 500


@given(st.lists(LINES, max_size=6), st.lists(LINES, max_size=6))
def test_a_signature_matches_its_lines_no_healthy_line_and_is_never_too_broad(
    lines: list[str], healthy: list[str]
) -> None:
    mined = mine(lines, {template(line) for line in healthy})
    if mined is None:
        return
    assert sum(found(mined.pattern, line) for line in lines) >= mined.lines
    kinds = {template(line) for line in lines if found(mined.pattern, line)}
    assert all(found(mined.pattern, kind) for kind in kinds)
    # Only templates are kept, yet no healthy line itself is matched.
    assert not any(found(mined.pattern, line) for line in healthy)
    assert mandatory_literals(mined.pattern)


@given(st.lists(WORDS, min_size=1, max_size=9), st.lists(BLANKS, min_size=9, max_size=9))
def test_every_line_of_a_kind_is_matched_however_it_is_spaced(
    words: list[str], blanks: list[str]
) -> None:
    spaced = "".join(word + blank for word, blank in zip(words, blanks, strict=False))
    mined = mine([" ".join(words), spaced], [])
    if mined is not None:
        assert mined.lines == 2
        assert found(mined.pattern, spaced)
        assert found(mined.pattern, f"12:00 {spaced}")


@given(st.lists(st.text(max_size=200), max_size=4))
def test_any_text_at_all_is_mined_without_an_error(lines: list[str]) -> None:
    """Case 69: the lines are an attacker's text box."""
    mined = mine(lines, [])
    if mined is not None:
        assert mandatory_literals(mined.pattern)
        assert sum(found(mined.pattern, line) for line in lines) >= mined.lines


@pytest.mark.parametrize(
    ("before", "after", "healed", "condition"),
    [
        ({"errors": 3.2}, {"errors": 0.1}, "errors < 1", "errors >= 1"),
        ({"clients": 290, "rss": 100}, {"clients": 120, "rss": 99}, "", "clients > 205"),
        ({"served": 10}, {"served": 900}, "gone < 1", "served < 455"),
        ({"errors": 0.5}, {"errors": 0.1}, "errors < 1", "errors > 0.3"),
        ({"clients": 290}, {"clients": 290}, "", None),
        ({"clients": 290}, {"others": 1}, "", None),
        ({"rate(x[5m])": 9}, {"rate(x[5m])": 1}, "", None),
        ({"x": float("nan"), "y": 2}, {"x": 1, "y": 1}, "", "y > 1.5"),
        ({"x": float("inf")}, {"x": 1}, "", None),
    ],
    ids=["the check", "most", "fell", "not ill by it", "same", "gone", "no name", "nan", "inf"],
)
def test_a_condition_was_true_while_it_was_ill_and_false_afterwards(
    before: dict[str, float], after: dict[str, float], healed: str, condition: str | None
) -> None:
    assert condition_for(before, after, healed) == condition


def test_the_figure_of_a_nodes_own_query_goes_by_that_query() -> None:
    check = HealthCheck("promql", {"query": "redis_connected_clients", "condition": "< 280"})
    node = Node("redis", "infrastructure", healthcheck=check)
    before, after = named({"value": 290, "pid": 7}, node), named({"value": 12, "pid": 9000}, node)
    healed = healed_by(Check("", "", 1.0, 1.0), node)
    assert condition_for(before, after, healed) == "redis_connected_clients >= 280"
    assert condition_for(named({"value": 290, "pid": 7}, None), {"pid": 9000}, "") is None
