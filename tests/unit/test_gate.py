"""Whose turn it is: under any coming, going and cancelling, the gate keeps its promises."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observer.worker.gate import SessionGate

SESSIONS = st.sampled_from("abcd")
STEPS = st.lists(
    st.tuples(st.just("come"), SESSIONS, st.booleans())
    | st.tuples(st.sampled_from(["go", "cancel"]), st.integers(0, 30), st.just(False))
    | st.tuples(st.sampled_from(["hold", "lift"]), SESSIONS, st.just(False))
    | st.tuples(st.sampled_from(["shut", "open"]), st.just(0), st.just(False)),
    max_size=40,
)


class Visitor:
    """One task that wants a turn, stays until told to go, and notes when it was inside."""

    def __init__(self, crowd: Crowd, session: str, urgent: bool) -> None:
        self.session, self.urgent = session, urgent
        self.arrival = len(crowd.visitors)
        self.state = "waiting"
        self.may_go = asyncio.Event()
        self._crowd = crowd
        self.task = asyncio.create_task(self._visit())
        self.task.add_done_callback(lambda _: setattr(self, "state", "gone"))

    async def _visit(self) -> None:
        held = self._crowd.held
        may_begin = partial(lambda session: session not in held, self.session)
        async with self._crowd.gate.turn(self.session, urgent=self.urgent, may_begin=may_begin):
            self.state = "inside"
            self._crowd.entered.append(self)
            self._crowd.check_promises()
            try:
                await self.may_go.wait()
            finally:
                self.state = "gone"


class Crowd:
    """All visitors of one gate."""

    def __init__(self, limit: int) -> None:
        self.gate, self.limit = SessionGate(limit), limit
        self.visitors: list[Visitor] = []
        self.entered: list[Visitor] = []
        self.held: set[str] = set()
        self.open = True

    def those(self, state: str) -> list[Visitor]:
        return [visitor for visitor in self.visitors if visitor.state == state]

    def check_promises(self) -> None:
        inside = [visitor.session for visitor in self.those("inside")]
        assert len(inside) <= self.limit
        assert len(set(inside)) == len(inside), "two holders of one session"

    def do(self, what: str, which: Any, urgent: bool) -> None:
        match what:
            case "come":
                self.visitors.append(Visitor(self, which, urgent))
            case "go":
                if inside := self.those("inside"):
                    inside[which % len(inside)].may_go.set()
            case "cancel":
                if here := self.those("inside") + self.those("waiting"):
                    here[which % len(here)].task.cancel()
            case "hold":
                self.held.add(which)
            case "lift":
                self.held.discard(which)
                self.gate.look_again()
            case "shut":
                self.open = False
                self.gate.shut()
            case _:
                self.open = True
                self.gate.open()

    async def empty(self) -> None:
        """Let everybody in and out; whoever waits for ever is a failure."""
        self.open = True
        self.held.clear()
        self.gate.open()
        for _ in range(len(self.visitors) + 1):
            await settle()
            for visitor in self.those("inside"):
                visitor.may_go.set()
        await settle()
        assert self.those("waiting") == [], "somebody starved"
        ends = await asyncio.gather(*(v.task for v in self.visitors), return_exceptions=True)
        assert [end for end in ends if isinstance(end, Exception)] == []
        assert vars(self.gate)["_inside"] == set()
        assert vars(self.gate)["_waiting"] == []


async def settle() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


def ready(waiting: list[Visitor], inside: list[Visitor], held: set[str]) -> list[Visitor]:
    taken = {visitor.session for visitor in inside} | held
    return [visitor for visitor in waiting if visitor.session not in taken]


def may_pass(first: Visitor, other: Visitor, candidates: list[Visitor]) -> bool:
    """Whether `first` may be admitted although `other` could be."""
    urgent = {visitor.session for visitor in candidates if visitor.urgent}
    if (first.session in urgent) is not (other.session in urgent):
        return first.session in urgent
    if first.urgent is not other.urgent:
        return first.urgent
    return first.arrival < other.arrival


@given(st.integers(1, 3), STEPS)
def test_the_urgent_go_first_then_who_came_first_and_no_turn_is_left_unused(
    limit: int, steps: list[tuple[str, Any, bool]]
) -> None:
    async def scenario() -> None:
        crowd = Crowd(limit)
        for step in steps:
            before = {visitor: visitor.state for visitor in crowd.visitors}
            was_open = crowd.open
            crowd.entered.clear()
            crowd.do(*step)
            await settle()
            entered = list(crowd.entered)
            if not was_open and not crowd.open:
                assert entered == [], "a shut gate admitted somebody"
            waiting = [v for v in crowd.visitors if v.state == "waiting" or v in entered]
            inside = [v for v in crowd.those("inside") if before.get(v) == "inside"]
            for first in entered:
                candidates = ready(waiting, inside, crowd.held)
                assert first in candidates
                assert first.session not in crowd.held, "it may not begin"
                assert all(may_pass(first, v, candidates) for v in candidates if v is not first)
                waiting.remove(first)
                inside.append(first)
            if crowd.open and len(inside) < limit:
                assert ready(waiting, inside, crowd.held) == [], "a turn was left unused"
        await crowd.empty()

    asyncio.run(scenario())


@settings(max_examples=300)
@given(st.integers(1, 3), st.lists(st.tuples(STEPS, st.integers(0, 3)), max_size=4))
def test_whatever_happens_at_the_same_moment_nobody_starves_and_nothing_is_left_behind(
    limit: int, bursts: list[tuple[list[tuple[str, Any, bool]], int]]
) -> None:
    async def scenario() -> None:
        crowd = Crowd(limit)
        for steps, breaths in bursts:
            for step in steps:
                crowd.do(*step)
            for _ in range(breaths):
                await asyncio.sleep(0)
        await crowd.empty()

    asyncio.run(scenario())


@pytest.mark.asyncio
async def test_a_waiter_cancelled_in_the_moment_of_its_turn_does_not_break_who_leaves() -> None:
    crowd = Crowd(1)
    for session in "abc":
        crowd.do("come", session, False)
    await settle()
    inside, doomed, following = crowd.visitors
    doomed.task.cancel()
    inside.may_go.set()
    await settle()
    assert (inside.state, doomed.state, following.state) == ("gone", "gone", "inside")
    await crowd.empty()


@pytest.mark.asyncio
async def test_a_waiter_that_is_admitted_and_cancelled_at_once_gives_its_turn_back() -> None:
    crowd = Crowd(1)
    for session in "abc":
        crowd.do("come", session, False)
    await settle()
    inside, doomed, following = crowd.visitors
    inside.may_go.set()
    await asyncio.sleep(0)
    doomed.task.cancel()
    await settle()
    assert (inside.state, doomed.state, following.state) == ("gone", "gone", "inside")
    await crowd.empty()


@pytest.mark.asyncio
async def test_an_urgent_event_lifts_what_waits_before_it_in_its_session() -> None:
    """The events of one session stay in order, so the session as a whole becomes urgent."""
    crowd = Crowd(1)
    crowd.do("come", "a", False)
    await settle()
    for session, urgent in (("b", False), ("c", False), ("c", True)):
        crowd.do("come", session, urgent)
    await settle()
    crowd.visitors[0].may_go.set()
    await settle()
    assert [visitor.session for visitor in crowd.those("inside")] == ["c"]
    await crowd.empty()


@pytest.mark.asyncio
async def test_who_is_inside_when_the_gate_shuts_stays_and_may_leave() -> None:
    crowd = Crowd(1)
    for session in "ab":
        crowd.do("come", session, False)
    await settle()
    crowd.do("shut", 0, False)
    await settle()
    assert crowd.visitors[0].state == "inside"
    crowd.visitors[0].may_go.set()
    await settle()
    assert [visitor.state for visitor in crowd.visitors] == ["gone", "waiting"]
    await crowd.empty()


@pytest.mark.asyncio
async def test_an_error_inside_gives_the_turn_back() -> None:
    gate = SessionGate(1)
    for _ in range(2):
        with pytest.raises(ValueError, match="boom"):
            async with asyncio.timeout(1), gate.turn("a", urgent=False):
                raise ValueError("boom")
