"""Rulings: what nobody wrote a rule for is refused; every level says what it means."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.autonomy import Cap, Quota, Rule, quotas_on, rule_on, strictest
from observer.domain.event import Severity
from observer.domain.remedy import Level, Ruling, RulingKind

ALLOW, WAIT, ASK, REFUSE = RulingKind
PATIENCE = timedelta(minutes=5)
LONG_ENOUGH = [
    (Level.FULL, ALLOW),
    (Level.AFTER_DELAY, ALLOW),
    (Level.KNOWN_PATTERN, ALLOW),
    (Level.APPROVE, ASK),
    (Level.NEVER, REFUSE),
]
NOTHING_SPEAKS_FOR_IT = [
    (Level.FULL, ALLOW),
    (Level.AFTER_DELAY, WAIT),
    (Level.KNOWN_PATTERN, ASK),
    (Level.APPROVE, ASK),
    (Level.NEVER, REFUSE),
]


def rule(level: Level, **more: object) -> Rule:
    return Rule("restart_stage", level, 3, PATIENCE, **more)  # type: ignore[arg-type]


def test_every_level_has_its_row_in_these_tests() -> None:
    assert [level for level, _ in LONG_ENOUGH] == list(Level)
    assert [level for level, _ in NOTHING_SPEAKS_FOR_IT] == list(Level)


@pytest.mark.parametrize(("level", "expected"), LONG_ENOUGH)
def test_a_level_with_everything_in_its_favour(level: Level, expected: RulingKind) -> None:
    ruling = rule_on(
        rule(level), severity=Severity.CRITICAL, failing_for=PATIENCE, known_error="ke-1"
    )
    assert ruling.kind is expected


@pytest.mark.parametrize(("level", "expected"), NOTHING_SPEAKS_FOR_IT)
def test_a_level_with_nothing_in_its_favour(level: Level, expected: RulingKind) -> None:
    ruling = rule_on(rule(level), severity=Severity.CRITICAL)
    assert ruling.kind is expected


@given(st.sampled_from(Severity), st.timedeltas(), st.one_of(st.none(), st.text()))
def test_an_action_without_a_rule_is_refused_whatever_is_said_for_it(
    severity: Severity, failing_for: timedelta, known_error: str | None
) -> None:
    ruling = rule_on(None, severity=severity, failing_for=failing_for, known_error=known_error)
    assert ruling == Ruling(REFUSE, "no rule in autonomy.yaml names this action")


@given(
    st.sampled_from(Level),
    st.sampled_from(Severity),
    st.lists(st.sampled_from(Severity), unique=True).map(tuple),
    st.timedeltas(timedelta(0), timedelta(days=9)),
    st.one_of(st.none(), st.just("ke-1")),
)
def test_an_action_is_refused_for_severities_its_rule_does_not_list(
    level: Level,
    severity: Severity,
    severities: tuple[Severity, ...],
    failing_for: timedelta,
    known_error: str | None,
) -> None:
    ruling = rule_on(
        rule(level, severities=severities),
        severity=severity,
        failing_for=failing_for,
        known_error=known_error,
    )
    if severity not in severities or level is Level.NEVER:
        assert ruling.kind is REFUSE
    assert ruling.reason


def test_patience_ends_exactly_at_its_delay() -> None:
    just_short = PATIENCE - timedelta(microseconds=1)
    after_delay = rule(Level.AFTER_DELAY)
    assert rule_on(after_delay, severity=Severity.WARNING, failing_for=just_short).kind is WAIT
    assert rule_on(after_delay, severity=Severity.WARNING, failing_for=PATIENCE).kind is ALLOW


def test_a_known_error_does_not_shorten_patience_nor_time_make_an_error_known() -> None:
    assert rule_on(rule(Level.AFTER_DELAY), severity=Severity.WARNING, known_error="k").kind is WAIT
    assert (
        rule_on(
            rule(Level.KNOWN_PATTERN), severity=Severity.WARNING, failing_for=timedelta(days=9)
        ).kind
        is ASK
    )


def test_an_empty_known_error_id_is_no_known_error() -> None:
    assert rule_on(rule(Level.KNOWN_PATTERN), severity=Severity.WARNING, known_error="").kind is ASK


@given(st.timedeltas(timedelta(0), timedelta(days=9)))
def test_who_waits_is_told_how_long_and_has_waited_enough_then(failing_for: timedelta) -> None:
    ruling = rule_on(rule(Level.AFTER_DELAY), severity=Severity.WARNING, failing_for=failing_for)
    if ruling.kind is WAIT:
        assert ruling.reason.startswith("restart_stage runs by itself after 0:05:00 of failure")
        failing_for += timedelta(seconds=ruling.wait_s)
    ruling = rule_on(rule(Level.AFTER_DELAY), severity=Severity.WARNING, failing_for=failing_for)
    assert ruling.kind is ALLOW


RULINGS = st.builds(Ruling, st.sampled_from(RulingKind), st.text(max_size=5))


@given(st.lists(RULINGS, min_size=1))
def test_of_several_steps_one_refusal_refuses_one_question_asks_and_one_wait_waits(
    rulings: list[Ruling],
) -> None:
    together = strictest(rulings)
    kinds = {ruling.kind for ruling in rulings}
    assert together in rulings
    assert together.kind is next(k for k in (REFUSE, ASK, WAIT, ALLOW) if k in kinds)


def test_of_several_waits_the_longest_counts() -> None:
    waits = [Ruling(WAIT, str(seconds), float(seconds)) for seconds in (2, 300, 9)]
    assert strictest(waits).reason == "300"


def test_reading_is_the_only_blast_radius_that_changes_nothing() -> None:
    reads = [radius for radius in range(1, 6) if Rule("x", Level.FULL, radius).reads_only]
    assert reads == [1]


@pytest.mark.parametrize(("level", "expected"), LONG_ENOUGH)
def test_beyond_a_cap_what_would_run_by_itself_is_asked_and_what_may_not_run_stays_so(
    level: Level, expected: RulingKind
) -> None:
    ruling = rule_on(
        rule(level),
        severity=Severity.CRITICAL,
        failing_for=PATIENCE,
        known_error="ke-1",
        spent="restart_stage on loading: 3 in the last 1:00:00",
    )
    assert ruling.kind is (ASK if expected is ALLOW else expected)
    assert ("3 in the last" in ruling.reason) is (expected is ALLOW)


HOURLY = Cap(3, timedelta(hours=1))
DAILY = Cap(5, timedelta(days=1))


def test_a_call_counts_for_its_node_and_for_its_blast_radius_on_all_nodes() -> None:
    looser = Rule("restart", Level.FULL, 3, at_most=DAILY)
    rules = {
        "restart": Rule("restart", Level.FULL, 3, at_most=HOURLY, on_nodes={"redis": looser}),
        "rollout": Rule("rollout", Level.APPROVE, 3),
        "retry": Rule("retry", Level.FULL, 2),
    }
    wide = Quota(DAILY, ("restart", "rollout"), None, "actions of blast radius 3")
    expected = {
        ("restart", "loading"): [
            Quota(HOURLY, ("restart",), "loading", "restart on loading"),
            wide,
        ],
        ("restart", "redis"): [Quota(DAILY, ("restart",), "redis", "restart on redis"), wide],
        ("rollout", "redis"): [wide],
        ("retry", "redis"): [],
    }
    for (tool, node), quotas in expected.items():
        assert list(quotas_on(rules, {3: DAILY}, tool=tool, node=node)) == quotas


@given(st.integers(1, 9), st.integers(0, 20))
def test_a_cap_of_n_lets_n_through_and_says_so_of_the_next(times: int, used: int) -> None:
    quota = Quota(Cap(times, timedelta(hours=1)), ("restart",), "redis", "restart on redis")
    why = quota.spent(used)
    assert (why is None) is (used < times)
    if why is not None:
        assert why == f"restart on redis: {used} in the last 1:00:00, without asking {times}"


def test_one_node_may_have_a_stricter_or_a_looser_word() -> None:
    general = rule(Level.APPROVE, on_nodes={"a": rule(Level.NEVER), "b": rule(Level.FULL)})
    found = [rule_on(general.on(n), severity=Severity.WARNING).kind for n in ("a", "b", "c")]
    assert found == [REFUSE, ALLOW, ASK]
    assert general.ever_runs
    assert not rule(Level.NEVER, on_nodes={"a": rule(Level.NEVER)}).ever_runs
    assert rule(Level.NEVER, on_nodes={"a": rule(Level.APPROVE)}).ever_runs
