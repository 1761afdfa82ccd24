"""Many known errors at once: the index finds what a plain loop finds, and says why not the rest."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from observer.domain import matching
from observer.domain.conditions import parse_condition
from observer.domain.known_error import KnownError, Signature, match
from observer.domain.literals import TooBroad, mandatory_literals
from observer.domain.matching import KnownErrorIndex, look_up
from observer.domain.patterns import compile_pattern
from tests.unit.patterns_and_lines import CHARACTERS, SAMPLES, Sample, least_cpu_s

NODES = ["consumer", "broker"]
CONDITION = "redis_connected_clients > 280"
CROWDED: dict[str, Any] = {"redis_connected_clients": 298}
CALM: dict[str, Any] = {"redis_connected_clients": 12}


def known(
    name: str, pattern: str = "pool exhausted", node: str = "consumer", on: str | None = CONDITION
) -> KnownError:
    signature = Signature(pattern, node, parse_condition(on) if on else None)
    return KnownError(name, signature, "too many clients", "automated", None, "high")


def can_be_known(pattern: str) -> bool:
    try:
        mandatory_literals(pattern)
    except ValueError:
        return False
    return True


NOISE = st.text(alphabet=CHARACTERS, max_size=12)


@given(
    st.lists(st.tuples(SAMPLES, st.sampled_from(NODES)), min_size=1, max_size=12),
    st.lists(NOISE, max_size=3),
    st.integers(0, 12),
    st.sampled_from(NODES),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60)
def test_the_index_finds_exactly_what_a_loop_over_all_patterns_finds(
    samples: list[tuple[Sample, str]], noise: list[str], at_once: int, node: str, order: Any
) -> None:
    accepted = [(sample, where) for sample, where in samples if can_be_known(sample[0])]
    assume(accepted)
    errors = [known(f"ke-{i}", s[0], where) for i, (s, where) in enumerate(accepted)]
    lines = [*noise, *(text for (_, text), _ in accepted), *(f"x{t}y" for (_, t), _ in accepted)]
    order.shuffle(lines)
    index = KnownErrorIndex(errors[:at_once])
    for error in errors[at_once:]:
        index.add(error)
    expected: dict[str, str] = {}
    for error in errors:
        pattern = compile_pattern(error.signature.pattern)
        hit = next((line for line in lines if pattern.search(line)), None)
        if error.signature.node == node and hit is not None:
            expected[error.id] = hit
    assert index.occurrences(node, lines) == expected
    assert [e.id for e in index.of_node(node)] == [e.id for e in errors if e.signature.node == node]
    assert list(index.known_errors) == errors


def test_two_hundred_added_one_by_one_are_all_found_again() -> None:
    index = KnownErrorIndex()
    for i in range(200):
        index.add(known(f"ke-{i}", rf"worker {i} lost its lease( again)?$"))
    lines = [f"ERROR worker {i} lost its lease" for i in range(0, 200, 3)]
    assert index.occurrences("consumer", lines) == {
        f"ke-{3 * i}": line for i, line in enumerate(lines)
    }
    assert len(index) == 200


def test_one_more_rebuilds_a_small_part_of_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Acceptance 5: adding one signature must not recompile all."""
    rebuilt: list[int] = []
    index = KnownErrorIndex(known(f"ke-{i}", f"worker {i} failed") for i in range(2000))
    real = matching.AhoCorasick

    def counted(literals: list[str], **options: Any) -> Any:
        rebuilt.append(len(literals))
        return real(literals, **options)

    monkeypatch.setattr(matching, "AhoCorasick", counted)
    for i in range(2000, 2100):
        index.add(known(f"ke-{i}", f"worker {i} failed"))
    assert len(rebuilt) == 100
    assert max(rebuilt) <= 100
    assert sum(rebuilt) / 100 < 25
    assert len(index.occurrences("consumer", ["worker 7 failed", "worker 2099 failed"])) == 2


@pytest.mark.parametrize(
    ("name", "pattern", "why"),
    [
        ("ke-2", ".*", TooBroad),
        ("ke-2", "OOM", TooBroad),
        ("ke-2", "(?=x)pool", ValueError),
        ("ke-1", "pool exhausted", ValueError),
    ],
    ids=["everything", "short", "not RE2", "same id"],
)
def test_what_cannot_be_known_is_refused_and_leaves_no_trace(
    name: str, pattern: str, why: type[Exception]
) -> None:
    index = KnownErrorIndex([known("ke-1")])
    with pytest.raises(why):
        index.add(known(name, pattern))
    assert [error.id for error in index.known_errors] == ["ke-1"]
    index.add(known("ke-2", "deadlock"))
    assert len(index) == 2


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("disk (a+)+$", "disk " + "a" * 20_000 + "!"),
        ("disk (.*)*x", "disk " + "a" * 20_000),
        ("disk (a|aa)+$", "disk " + "a" * 20_000 + "!"),
        ("aaaa.*b", "a" * 20_000),
        ("(disk a?){10}(a?){200}b", "disk a" * 3_000),
    ],
)
def test_an_evil_pattern_is_known_and_compared_within_its_time(pattern: str, line: str) -> None:
    """Case 72."""

    def learn_and_look() -> None:
        index = KnownErrorIndex([known("ke-1", pattern)])
        assert index.occurrences("consumer", [line]) == {}

    assert least_cpu_s(learn_and_look) < 0.05


def found(errors: list[KnownError], lines: list[str], metrics: dict[str, Any], **more: Any):
    return look_up(KnownErrorIndex(errors), node="consumer", lines=lines, metrics=metrics, **more)


EXHAUSTED = "ERROR Redis connection pool exhausted, retrying in 5s"


def test_all_three_signals_match_and_the_reason_and_the_line_are_told() -> None:
    looked = found([known("ke-1")], ["INFO ok", EXHAUSTED], CROWDED)
    assert looked.found is not None
    assert looked.found.reason == (
        "ke-1: log pattern and node match, and redis_connected_clients is 298 (> 280)"
    )
    assert looked.found.line == EXHAUSTED
    assert looked.near_misses == []


@pytest.mark.parametrize(
    ("lines", "metrics", "miss"),
    [
        (
            [EXHAUSTED],
            CALM,
            "ke-1: log pattern matches but redis_connected_clients is 12 (> 280) is false",
        ),
        (
            [EXHAUSTED],
            {},
            "ke-1: log pattern matches but redis_connected_clients was not observed is unknown",
        ),
        (
            ["INFO ok", "INFO fine"],
            CROWDED,
            "ke-1: no recent line of consumer matches its log pattern (2 read);"
            " redis_connected_clients is 298 (> 280) is true",
        ),
        (
            [],
            CALM,
            "ke-1: no recent line of consumer matches its log pattern (0 read);"
            " redis_connected_clients is 12 (> 280) is false",
        ),
    ],
    ids=["old line, healthy metric", "metric absent", "no such line", "neither"],
)
def test_a_near_miss_says_which_signal_failed_and_what_was_seen(
    lines: list[str], metrics: dict[str, Any], miss: str
) -> None:
    """Case 88: an old line while the metric condition is false is no match, and is explained."""
    looked = found([known("ke-1")], lines, metrics)
    assert looked.found is None
    assert looked.near_misses == [miss]


def test_what_is_known_of_another_node_is_only_counted() -> None:
    errors = [known(f"ke-{i}", node="broker") for i in range(3)]
    looked = found(errors, [EXHAUSTED], CROWDED)
    assert looked.found is None
    assert looked.near_misses == ["3 known errors about other nodes"]


def test_what_was_tried_is_not_found_again_and_the_next_one_is() -> None:
    errors = [known("ke-1"), known("ke-2", "connection pool")]
    looked = found(errors, [EXHAUSTED], CROWDED, tried=["ke-1"])
    assert looked.found is not None
    assert looked.found.known_error.id == "ke-2"
    assert looked.near_misses == ["ke-1 was tried and did not hold"]


def test_of_ten_thousand_near_misses_the_twenty_nearest_are_told_and_the_rest_counted() -> None:
    errors = [known(f"ke-{i}", f"worker {i} failed") for i in range(9_950)]
    errors += [known(f"ke-near-{i}", "pool exhausted") for i in range(12)]
    errors += [known(f"ke-true-{i}", "no such text", on="x > 1") for i in range(38)]
    errors += [known("ke-elsewhere", node="broker")]
    looked = found(errors, [EXHAUSTED], {**CALM, "x": 2})
    assert looked.found is None
    told = looked.near_misses
    assert len(told) == 22
    assert all(miss.startswith("ke-near-") and "is false" in miss for miss in told[:12])
    assert all(miss.startswith("ke-true-") and "is true" in miss for miss in told[12:20])
    assert told[20:] == [
        "9980 more known errors of consumer did not match",
        "1 known error about other nodes",
    ]


@given(
    st.lists(
        st.sampled_from(["pool exhausted", "deadlock|lock wait", "(?i)POOL", "never seen"]),
        max_size=20,
    ),
    st.lists(st.sampled_from([EXHAUSTED, "lock wait timeout", "INFO ok"])),
    st.sampled_from([CROWDED, CALM, {}, {"redis_connected_clients": float("nan")}]),
)
@settings(max_examples=60)
def test_looking_up_agrees_with_matching_one_by_one(
    patterns: list[str], lines: list[str], metrics: dict[str, Any]
) -> None:
    errors = [known(f"ke-{i}", pattern) for i, pattern in enumerate(patterns)]
    one_by_one = [match(e, node="consumer", lines=lines, metrics=metrics) for e in errors]
    first = next((m for m in one_by_one if m.matched), None)
    looked = found(errors, lines, metrics)
    assert looked.found == first
    before = one_by_one if first is None else one_by_one[: one_by_one.index(first)]
    assert set(looked.near_misses) <= {m.reason for m in before}
    assert len(looked.near_misses) == len(before)
