"""A breaker's state machine, against a plain list of what happened."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from observer.domain.breaker import Breaker, BreakerState, Ticket

FAILURES, OPEN_FOR = 3, 10.0


class AnyCourse(RuleBasedStateMachine):
    """Questions come, end well, badly or not at all, late or at once, and time passes."""

    pending = Bundle("pending")

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.breaker = Breaker(FAILURES, OPEN_FOR, self.now)
        self.row = 0
        self.not_before = 0.0
        """Nobody may be let in earlier."""
        self.closed = True
        self.era = 0
        """Counts openings and closings; a question of an earlier one says nothing."""
        self.probe: tuple[Ticket, int] | None = None

    @rule(seconds=st.sampled_from([0.0, 0.5, OPEN_FOR - 0.5, OPEN_FOR, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(target=pending)
    def ask(self) -> tuple[Ticket, int] | None:
        ticket = self.breaker.admit(self.now)
        if self.closed:
            assert ticket is not None
            return (ticket, self.era)
        if self.now < self.not_before or self.probe is not None:
            assert ticket is None
            return None
        assert ticket is not None
        self.probe = (ticket, self.era)
        return self.probe

    @rule(question=consumes(pending))
    def it_is_answered(self, question: tuple[Ticket, int] | None) -> None:
        if question is None:
            return
        self.breaker.answered(question[0], self.now)
        if question[1] != self.era:
            return
        self.row = 0
        if not self.closed:
            self.change(closed=True)

    @rule(question=consumes(pending), leave_for=st.sampled_from([0.0, 0.0, 5.0, 30.0]))
    def it_fails(self, question: tuple[Ticket, int] | None, leave_for: float) -> None:
        if question is None:
            return
        self.breaker.failed(question[0], self.now, leave_for=leave_for)
        until = self.now + leave_for if leave_for else 0.0
        if question[1] == self.era:
            self.row += 1
            if self.row == FAILURES or not self.closed:
                until = max(until, self.now + OPEN_FOR)
        if until > max(self.now, self.not_before if not self.closed else 0.0):
            self.change(closed=False)
            self.not_before = until

    @rule(question=consumes(pending))
    def it_comes_to_nothing(self, question: tuple[Ticket, int] | None) -> None:
        if question is None:
            return
        self.breaker.let_go(question[0])
        if question is self.probe:
            self.probe = None

    def change(self, *, closed: bool) -> None:
        self.closed, self.row, self.probe = closed, 0, None
        self.era += 1

    @invariant()
    def its_state_is_what_happened(self) -> None:
        if self.closed:
            expected = BreakerState.CLOSED
        elif self.now < self.not_before:
            expected = BreakerState.OPEN
        else:
            expected = BreakerState.HALF_OPEN
        assert self.breaker.state(self.now) is expected
        assert self.breaker.since(self.now) <= self.now


TestAnyCourse = AnyCourse.TestCase
TestAnyCourse.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)


def opened(*, at: float = 0.0) -> Breaker:
    breaker = Breaker(FAILURES, OPEN_FOR, at)
    for _ in range(FAILURES):
        breaker.failed(let_in(breaker, at), at)
    return breaker


def let_in(breaker: Breaker, now: float) -> Ticket:
    ticket = breaker.admit(now)
    assert ticket is not None
    return ticket


def test_so_many_failures_in_a_row_open_it_and_an_answer_between_them_does_not() -> None:
    breaker = Breaker(FAILURES, OPEN_FOR, 0.0)
    for _ in range(FAILURES - 1):
        breaker.failed(let_in(breaker, 1.0), 1.0)
    breaker.answered(let_in(breaker, 1.0), 1.0)
    for _ in range(FAILURES - 1):
        breaker.failed(let_in(breaker, 1.0), 1.0)
    assert breaker.state(1.0) is BreakerState.CLOSED

    breaker.failed(let_in(breaker, 2.0), 2.0)

    assert (breaker.state(2.0), breaker.since(5.0)) == (BreakerState.OPEN, 2.0)


@pytest.mark.parametrize("heals", [True, False], ids=["it answers", "it fails"])
def test_after_a_while_one_question_is_let_through_and_decides(heals: bool) -> None:
    breaker = opened()
    assert breaker.admit(OPEN_FOR - 0.001) is None
    probe = let_in(breaker, OPEN_FOR)
    assert breaker.state(OPEN_FOR) is BreakerState.HALF_OPEN
    assert [breaker.admit(OPEN_FOR) for _ in range(3)] == [None] * 3

    (breaker.answered if heals else breaker.failed)(probe, 12.0)

    assert breaker.state(12.0) is (BreakerState.CLOSED if heals else BreakerState.OPEN)
    assert breaker.state(12.0 + OPEN_FOR - 0.001) is breaker.state(12.0)


def test_a_probe_that_was_cut_off_makes_room_for_the_next_one() -> None:
    breaker = opened()
    cut = let_in(breaker, OPEN_FOR)
    breaker.let_go(cut)
    probe = let_in(breaker, OPEN_FOR)

    breaker.answered(cut, OPEN_FOR)
    assert breaker.state(OPEN_FOR) is BreakerState.HALF_OPEN
    breaker.answered(probe, OPEN_FOR)
    assert breaker.state(OPEN_FOR) is BreakerState.CLOSED


def test_an_answer_that_was_on_its_way_when_it_opened_does_not_close_it() -> None:
    breaker = Breaker(FAILURES, OPEN_FOR, 0.0)
    slow = let_in(breaker, 0.0)
    for _ in range(FAILURES):
        breaker.failed(let_in(breaker, 1.0), 1.0)

    breaker.answered(slow, 2.0)

    assert breaker.state(2.0) is BreakerState.OPEN


def test_a_provider_that_asks_to_be_left_alone_is_at_its_first_word() -> None:
    breaker = Breaker(FAILURES, OPEN_FOR, 0.0)
    breaker.failed(let_in(breaker, 1.0), 1.0, leave_for=60.0)

    assert breaker.admit(60.9) is None
    assert breaker.admit(61.0) is not None
