"""Alarms about the observer: told when something begins, grows or is over, and not in between."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.alarms import (
    DROPPED,
    Alarm,
    AlarmState,
    Standing,
    after,
    edges,
    notice_of_dropped,
    wait_before_delivery,
)
from observer.domain.fault import Anomaly, Facts, Fault, FaultKind, faults, unknown_kinds
from observer.domain.hold import Hold, HoldCause
from observer.domain.lifecycle import Lifecycle

FAULTS = st.builds(
    Fault,
    kind=st.sampled_from([FaultKind.FAILED, FaultKind.TOOL_SERVER, FaultKind.DEAD_LETTERS]),
    text=st.sampled_from(["one text", "another"]),
    tenant_id=st.sampled_from([None, "a"]),
    subject=st.sampled_from(["", "x"]),
    count=st.integers(1, 3),
)
LOOKS = st.lists(
    st.tuples(
        st.lists(FAULTS, max_size=4, unique_by=lambda fault: fault.key),
        st.sets(st.sampled_from(FaultKind), max_size=2),
    ),
    max_size=12,
)


def follow(looks: list[tuple[list[Fault], set[FaultKind]]]) -> tuple[dict, list[Alarm]]:
    ids = map(str, itertools.count())
    standing: dict[str, Standing] = {}
    told: list[Alarm] = []
    for now, (present, unknown) in enumerate(looks):
        known = [fault for fault in present if fault.kind not in unknown]
        standing, fresh = edges(standing, known, unknown, now=float(now), new_id=lambda: next(ids))
        told += fresh
    return standing, told


@given(LOOKS)
def test_what_was_told_last_of_each_fault_is_what_stands(looks: list) -> None:
    """Whoever only reads the alarms knows what is wrong, and each is told once."""
    standing, told = follow(looks)
    by_key: dict[str, list[Alarm]] = defaultdict(list)
    for alarm in told:
        by_key[alarm.key].append(alarm)
    for key, alarms in by_key.items():
        assert (alarms[-1].state is AlarmState.FIRING) == (key in standing)
        assert alarms[0].state is AlarmState.FIRING
        for one, following in itertools.pairwise(alarms):
            if following.state is AlarmState.FIRING and one.state is AlarmState.FIRING:
                assert following.since == one.since, "it only grew"
            else:
                assert following.state is not one.state
    assert set(standing) <= set(by_key)
    assert len({alarm.id for alarm in told}) == len(told)


@given(LOOKS)
def test_a_second_look_at_the_same_tells_nothing(looks: list) -> None:
    _, told = follow(looks)
    _, twice = follow([look for look in looks for _ in range(2)])
    assert [(a.key, a.state, a.count) for a in twice] == [(a.key, a.state, a.count) for a in told]


@given(LOOKS)
def test_what_stands_can_be_told_from_the_alarms_alone(looks: list) -> None:
    """A crash between the alarms' files and the file of what stands repeats and loses nothing."""
    standing, told = follow(looks)
    again: dict[str, Standing] = {}
    for alarm in told:
        again = after(again, alarm)
    assert set(again) == set(standing)
    assert {k: s.since for k, s in again.items()} == {k: s.since for k, s in standing.items()}


def test_more_of_it_is_told_again_and_less_of_it_is_not() -> None:
    def letters(count: int) -> tuple[list[Fault], set[FaultKind]]:
        return [Fault(FaultKind.DEAD_LETTERS, f"{count}", "a", count=count)], set()

    _, told = follow([letters(1), letters(3), letters(2), letters(3), ([], set())])

    assert [(alarm.state, alarm.count) for alarm in told] == [
        ("firing", 1),
        ("firing", 3),
        ("firing", 3),
        ("over", 3),
    ]


def test_what_cannot_be_said_now_is_neither_new_nor_over() -> None:
    old = ([Fault(FaultKind.INBOX_AGE, "old")], set[FaultKind]())
    _, told = follow([old, ([], {FaultKind.INBOX_AGE}), old, ([], set())])
    assert [alarm.state for alarm in told] == ["firing", "over"]


WRONG: dict[str, tuple[Facts, FaultKind, str]] = {
    "failed": (
        Facts(Lifecycle.FAILED, "5 events failed in a row"),
        FaultKind.FAILED,
        "5 events failed",
    ),
    "all paused": (
        Facts(Lifecycle.SUSPENDED, holds=(Hold("*", HoldCause.PERSON, "paused", 1.0),)),
        FaultKind.SUSPENDED,
        "every tenant",
    ),
    "a spent budget": (
        Facts(Lifecycle.RUNNING, holds=(Hold("a", HoldCause.BUDGET, "spent", 1.0),)),
        FaultKind.BUDGET,
        "tenant a is held: spent",
    ),
    "a stuck run": (
        Facts(Lifecycle.RUNNING, holds=(Hold("a", HoldCause.HEALTH, "stuck", 1.0),)),
        FaultKind.HEALTH,
        "stuck",
    ),
    "a run that was ended": (
        Facts(Lifecycle.RUNNING, anomalies=(Anomaly("a", "stuck"), Anomaly("a", "in a loop"))),
        FaultKind.HEALTH,
        "in a loop",
    ),
    "a run for which its tenant is held": (
        Facts(
            Lifecycle.RUNNING,
            holds=(Hold("a", HoldCause.HEALTH, "session s: stuck", 1.0),),
            anomalies=(Anomaly("a", "stuck"),),
        ),
        FaultKind.HEALTH,
        "tenant a is held",
    ),
    "a frozen tenant": (
        Facts(Lifecycle.RUNNING, holds=(Hold("a", HoldCause.NO_PROGRESS, "twice", 1.0),)),
        FaultKind.FROZEN,
        "twice",
    ),
    "a dead tool server": (
        Facts(Lifecycle.RUNNING, servers={"up": None, "down": "Connection closed"}),
        FaultKind.TOOL_SERVER,
        "down is down: Connection closed",
    ),
    "an old event": (
        Facts(Lifecycle.RUNNING, oldest_event_age_s=901.0, longest_age_s=900.0),
        FaultKind.INBOX_AGE,
        "901 s",
    ),
    "a broken journal": (
        Facts(Lifecycle.RUNNING, journal_trouble="No space left"),
        FaultKind.JOURNAL,
        "No space left",
    ),
    "a locked database": (
        Facts(Lifecycle.RUNNING, files={"observer.db": "is locked", "queue.db": None}),
        FaultKind.FILE,
        "is locked",
    ),
    "a full disk": (Facts(Lifecycle.RUNNING, free_bytes=1 << 20), FaultKind.DISK, "1048576"),
    "no heartbeat": (
        Facts(Lifecycle.RUNNING, heartbeat_age_s=36.0, longest_beat_s=35.0),
        FaultKind.HEARTBEAT,
        "36 s",
    ),
    "dead letters": (
        Facts(Lifecycle.RUNNING, dead_letters={"a": 2, "b": 0}),
        FaultKind.DEAD_LETTERS,
        "2 events were given up",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_thing_that_can_be_wrong_is_one_fault(name: str) -> None:
    facts, kind, words = WRONG[name]
    [fault] = faults(facts)
    assert fault.kind is kind
    assert words in fault.text


def test_every_kind_of_fault_is_shown_here() -> None:
    assert {kind for _, kind, _ in WRONG.values()} == set(FaultKind)


WELL = Facts(
    Lifecycle.RUNNING,
    servers={"a": None},
    oldest_event_age_s=0.0,
    files={"observer.db": None},
    free_bytes=1 << 40,
    heartbeat_age_s=1.0,
    dead_letters={},
)


def test_of_a_well_observer_everything_is_known_and_nothing_is_wrong() -> None:
    assert (faults(WELL), unknown_kinds(WELL)) == ([], set())


@pytest.mark.parametrize("state", [Lifecycle.STARTING, Lifecycle.STOPPING, Lifecycle.STOPPED])
def test_between_two_processes_nothing_of_failed_is_over(state: Lifecycle) -> None:
    assert FaultKind.FAILED in unknown_kinds(replace(WELL, state=state))


def test_the_notice_of_dropped_alarms_counts_all_of_them() -> None:
    alarms = [
        Alarm(str(i), "failed", None, "", AlarmState.FIRING, "x", at=float(i), since=float(i))
        for i in range(4)
    ]
    notice = alarms[0]
    for alarm in alarms[1:]:
        notice = notice_of_dropped(notice, alarm, alarm_id="new")
    assert (notice.kind, notice.count, notice.since) == (DROPPED, 4, 0.0)
    assert notice.text.startswith("4 alarms were dropped")


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_retries_slow_down_to_minutes_and_never_stop(tries: int, dice: float) -> None:
    wait = wait_before_delivery(tries, ordered_s=None, dice=dice)
    assert 0.5 <= wait <= 300.0
    assert wait <= wait_before_delivery(tries + 1, ordered_s=None, dice=1.0)


@pytest.mark.parametrize(("ordered", "waits"), [(0.0, 1.0), (7.0, 7.0), (1e9, 3600.0)])
def test_retry_after_is_honoured_up_to_an_hour(ordered: float, waits: float) -> None:
    assert wait_before_delivery(1, ordered_s=ordered, dice=0.5) == waits
