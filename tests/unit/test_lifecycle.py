"""The daemon's states: what may follow what, and how many failures are too many."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.lifecycle import TRANSITIONS, FailureStreak, Lifecycle, may_follow
from observer.domain.redaction import Redactor
from observer.lifecycle import LifecycleControl
from observer.records.holds import Holds


class FakeDatabase:
    """Runs the work at once on a connection that remembers nothing."""

    async def write(self, work: Any) -> Any:
        return work(None)


class FakeJournal:
    """Remembers the lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def append(self, _: Any, kind: str, *, before: str, state: str, reason: str) -> None:
        self.lines.append((before, state))


def control(limit: int = 3) -> tuple[LifecycleControl, FakeJournal]:
    journal = FakeJournal()
    worker = SimpleNamespace(max_consecutive_failures=limit)
    services = SimpleNamespace(
        configuration=SimpleNamespace(observer=SimpleNamespace(worker=worker)),
        database=FakeDatabase(),
        journal=journal,
        drain=SimpleNamespace(wake=lambda: None),
        redactor=Redactor(["s3cret-s3cret"]),
        holds=Holds(FakeDatabase(), journal),  # type: ignore[arg-type]
    )
    return LifecycleControl(services), journal  # type: ignore[arg-type]


async def running(limit: int = 3) -> tuple[LifecycleControl, FakeJournal]:
    lifecycle, journal = control(limit)
    await lifecycle.to(Lifecycle.STARTING, "test")
    await lifecycle.to(Lifecycle.RUNNING, "test")
    return lifecycle, journal


def test_every_state_says_what_may_follow_it() -> None:
    assert set(TRANSITIONS) == set(Lifecycle)


def test_every_state_can_be_reached_and_all_but_the_last_can_be_stopped() -> None:
    def reachable(start: Lifecycle) -> set[Lifecycle]:
        seen, todo = {start}, [start]
        while todo:
            for following in TRANSITIONS[todo.pop()]:
                if following not in seen:
                    seen.add(following)
                    todo.append(following)
        return seen

    assert reachable(Lifecycle.CREATED) == set(Lifecycle)
    assert all(Lifecycle.STOPPED in reachable(state) for state in Lifecycle)
    assert TRANSITIONS[Lifecycle.STOPPED] == ()


def test_only_a_running_or_a_paused_observer_can_fail() -> None:
    """Case 39."""
    fails = {state for state in Lifecycle if may_follow(state, Lifecycle.FAILED)}
    assert fails == {Lifecycle.RUNNING, Lifecycle.SUSPENDED}


def test_no_state_follows_itself() -> None:
    assert not any(may_follow(state, state) for state in Lifecycle)


@given(st.integers(1, 6), st.lists(st.none() | st.sampled_from("abcdefgh"), max_size=40))
def test_only_distinct_events_that_fail_in_a_row_are_counted(
    limit: int, ends: list[str | None]
) -> None:
    """Case 39: an event that fails at each retry counts once; one success ends the streak."""
    streak = FailureStreak(limit)
    row: set[str] = set()
    for failed in ends:
        if failed is None:
            streak.succeeded()
            row.clear()
        else:
            row.add(failed)
            assert streak.failed(failed) is (len(row) >= limit)
        assert streak.count == len(row)


@pytest.mark.asyncio
@given(st.lists(st.sampled_from(Lifecycle), max_size=12))
async def test_the_journal_has_each_change_and_no_refused_one(steps: list[Lifecycle]) -> None:
    lifecycle, journal = control()
    expected: list[tuple[str, str]] = []
    for following in steps:
        before = lifecycle.state
        changed = await lifecycle.to(following, "test")
        assert changed is may_follow(before, following)
        assert lifecycle.state is (following if changed else before)
        if changed:
            expected.append((before, following))
    assert journal.lines == expected


@pytest.mark.asyncio
async def test_too_many_failures_in_a_row_fail_the_observer_until_a_person_restarts_it() -> None:
    """Cases 39 and 86."""
    lifecycle, _ = await running(limit=3)
    for key in ("a", "a", "b"):
        await lifecycle.note_failure(key, "boom")
    assert lifecycle.state is Lifecycle.RUNNING
    await lifecycle.note_failure("c", "boom")
    assert lifecycle.state is Lifecycle.FAILED
    assert lifecycle.reason == "3 events failed in a row; the last: boom"
    lifecycle.note_success()
    assert lifecycle.state is Lifecycle.FAILED
    assert await lifecycle.restart()
    assert (lifecycle.state, lifecycle.streak.count) == (Lifecycle.RUNNING, 0)


@pytest.mark.asyncio
async def test_failures_while_paused_do_not_fail_the_observer() -> None:
    lifecycle, _ = await running(limit=1)
    await lifecycle.to(Lifecycle.SUSPENDED, "paused")
    await lifecycle.note_failure("a", "boom")
    assert lifecycle.state is Lifecycle.SUSPENDED


@pytest.mark.asyncio
async def test_a_stopped_observer_is_not_restarted_in_its_process() -> None:
    lifecycle, _ = await running()
    await lifecycle.to(Lifecycle.STOPPING, "test")
    assert not await lifecycle.restart()
    assert lifecycle.state is Lifecycle.STOPPING


@pytest.mark.asyncio
async def test_each_change_is_told_to_who_listens() -> None:
    lifecycle, _ = await running()
    told: list[Lifecycle] = []
    lifecycle.listeners.append(told.append)
    await lifecycle.to(Lifecycle.SUSPENDED, "test")
    await lifecycle.to(Lifecycle.SUSPENDED, "again")
    await lifecycle.to(Lifecycle.RUNNING, "test")
    assert told == [Lifecycle.SUSPENDED, Lifecycle.RUNNING]


@pytest.mark.asyncio
async def test_a_reason_is_told_without_the_secret_that_an_error_named() -> None:
    lifecycle, _ = await running(limit=1)
    await lifecycle.note_failure("a", "refused: key s3cret-s3cret")
    assert lifecycle.state is Lifecycle.FAILED
    assert "s3cret-s3cret" not in lifecycle.reason
