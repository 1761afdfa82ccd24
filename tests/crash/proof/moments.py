"""When the daemon is killed: at random, or at a named moment that a double strikes at exactly."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

AT_RANDOM = "at random"
RESUME = "during resume"
CUT = "after the intent"
"""What goes before a death during resume, so that there is something to resume."""


@dataclass(frozen=True)
class Order:
    """One death on order: in which process, at what, when, after how many that are let pass."""

    double: Literal["daemon", "tools"]
    tool: str
    when: str
    needs: str
    """The kind of event that surely leads there."""
    most_skipped: int = 0


@dataclass(frozen=True)
class Kill:
    """One death: on order, or so many seconds after the daemon is up (or was started)."""

    moment: str
    order: Order | None = None
    skip: int = 0
    after_s: float = 0.0
    starting: bool = False
    tools_too: bool = False


_CALLS = {
    "restart_stage": "CRITICAL",
    "page_oncall": "CRITICAL",
    "retry_failed_jobs": "WARNING, known",
    "create_incident": "WARNING, known",
    "send_slack_alert": "WARNING, novel",
}


def _daemon(step: str, when: str, needs: str = "WARNING, known", most_skipped: int = 0) -> Order:
    return Order("daemon", step, when, needs, most_skipped)


def _tools(*whens: str) -> list[Order]:
    return [Order("tools", tool, when, needs) for tool, needs in _CALLS.items() for when in whens]


MOMENTS: dict[str, list[Order]] = {
    "before the intent": [_daemon("Ledger.intend", "before", most_skipped=2)],
    CUT: [_daemon("Ledger.intend", "after", most_skipped=2)],
    "in the effect": _tools("before", "midway", "orphan"),
    "after the effect": _tools("after"),
    "before the result": [_daemon("Ledger.record_observation", "before", most_skipped=4)],
    "after the result": [_daemon("Ledger.record_observation", "after", most_skipped=4)],
    "before the ack": [
        _daemon("Sessions.acknowledge", "after", "INFO"),
        _daemon("Sessions.admit", "after"),
        _daemon("Inbox.put", "after"),
    ],
    "at the interrupt": [
        _daemon("Approvals.ask", "before", "approved"),
        _daemon("Approvals.ask", "after", "rejected"),
    ],
    "in the approval": [
        _daemon("Approvals.answer", "after", "approved"),
        _daemon("Requeue.answer", "after", "approved"),
        _daemon("Approvals.take_up", "before", "approved"),
        _daemon("Approvals.take_up", "after", "rejected"),
    ],
    RESUME: [_daemon("Runner._continuation", "before"), _daemon("Ledger.find", "after")],
}


def deaths(dice: Random, kills: int) -> list[Kill]:
    """So many deaths; each named moment comes once in every shuffled round of 16."""
    drawn: list[Kill] = []
    while len(drawn) < kills:
        names = [*MOMENTS, *[AT_RANDOM] * 5]
        dice.shuffle(names)
        for name in names:
            if name == RESUME:
                drawn.append(_kill(dice, CUT))
            drawn.append(_kill(dice, name))
    return drawn[:kills]


def _kill(dice: Random, moment: str) -> Kill:
    if moment == AT_RANDOM:
        starting = dice.random() < 0.2
        after_s = dice.uniform(0.3, 2.5) if starting else dice.uniform(0.0, 1.2)
        tools_too = not starting and dice.random() < 0.3
        return Kill(moment, after_s=after_s, starting=starting, tools_too=tools_too)
    order = dice.choice(MOMENTS[moment])
    return Kill(moment, order, skip=dice.randint(0, order.most_skipped))
