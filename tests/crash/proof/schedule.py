"""What is sent, in which order and how often, and when the daemon dies: all of it from the seed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.crash.proof.moments import RESUME, Kill, deaths

KINDS: dict[str, dict[str, str]] = {
    "INFO": {"severity": "INFO", "stage": "ingestion"},
    "WARNING, known": {"severity": "WARNING", "stage": "transformation"},
    "WARNING, novel": {"severity": "WARNING", "stage": "validation"},
    "CRITICAL": {"severity": "CRITICAL", "stage": "loading"},
    "approved": {"severity": "WARNING", "stage": "indexing"},
    "rejected": {"severity": "WARNING", "stage": "indexing"},
}
"""The last two need a person's word, and get this one."""
QUESTIONS = ("approved", "rejected")
STAGES = sorted({kind["stage"] for kind in KINDS.values()})

_WEIGHTS = {
    "INFO": 5,
    "WARNING, known": 3,
    "WARNING, novel": 2,
    "CRITICAL": 2,
    "approved": 2,
    "rejected": 1,
}
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

Delivery = tuple["Sent", ...]
"""What is posted at the same time."""


@dataclass(frozen=True)
class Sent:
    """One event as its sender knows it."""

    event_id: str
    kind: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Life:
    """What is sent to one process, whether questions are answered in its time, and its end."""

    deliveries: tuple[Delivery, ...]
    answers: bool
    kill: Kill
    bait: Delivery = ()
    """What surely leads to an ordered death."""
    late: bool = False
    """Ordered when what was left is worked off; else it mostly dies soon after its start."""


class Schedule:
    """The lives of one proof, and what is left to send when the killing is over."""

    def __init__(self, seed: int, kills: int) -> None:
        self.seed = seed
        self._dice = Random(f"crash proof {seed}")
        self._number = 0
        # Two more than there are deaths: what is late or sent again comes at most so much later.
        self._plan: list[list[Delivery]] = [[] for _ in range(kills + 3)]
        ends = deaths(self._dice, kills)
        for life in range(kills):
            self._converse(life)
        self.lives = [self._life(tuple(self._plan[i]), kill) for i, kill in enumerate(ends)]
        self.left = [delivery for late in self._plan[kills:] for delivery in late]

    def _life(self, deliveries: tuple[Delivery, ...], kill: Kill) -> Life:
        answers, late = self._dice.random() < 0.7, self._dice.random() < 0.5
        if kill.order is None:
            return Life(deliveries, answers, kill)
        bait = (self._event(kill.order.needs, session="bait"),)
        return Life(deliveries, answers, kill, bait, late and kill.moment != RESUME)

    def _converse(self, life: int) -> None:
        """One or two new conversations: one event of a session, or several, or one overtaken."""
        for _ in range(self._dice.randint(1, 2)):
            shape = self._dice.choice(("derived", "own", "chain") * 2 + ("overtaken",))
            if shape in ("derived", "own"):
                session = "own" if shape == "own" else None
                self._send(life, self._event(self._kind(), session=session))
                continue
            name = f"chain-{self._number:05}"
            if shape == "overtaken":
                # Unless it is answered first, the question is withdrawn for what is worse,
                # and what is not is noted on it.
                self._send(life, self._event("approved", session=name))
                kind = self._dice.choice(("CRITICAL", "WARNING, known"))
                later = life + self._dice.randint(0, 1)
                self._send(later, self._event(kind, session=name, position=2))
                continue
            chain = [
                self._event(self._kind(chained=True), session=name, position=position)
                for position in range(1, self._dice.randint(2, 4) + 1)
            ]
            if self._dice.random() < 0.5:
                self._dice.shuffle(chain)
            for event in chain:
                self._send(life + self._dice.choice((0, 0, 0, 1, 2)), event)

    def _send(self, life: int, event: Sent) -> None:
        """Once, or once more: at the same time, right after, or to the next process."""
        again = self._dice.random()
        if again < 0.1:
            self._plan[life].append((event, event))
            return
        self._plan[life].append((event,))
        if again < 0.2:
            self._plan[life].append((event,))
        elif again < 0.25:
            self._plan[min(life + 1, len(self._plan) - 1)].append((event,))

    def _kind(self, *, chained: bool = False) -> str:
        """A question in a chain would make what comes of the rest a matter of time."""
        weights = {k: w for k, w in _WEIGHTS.items() if not (chained and k in QUESTIONS)}
        return self._dice.choices(list(weights), list(weights.values()))[0]

    def _event(self, kind: str, *, session: str | None, position: int = 1) -> Sent:
        self._number += 1
        event_id = f"proof-{self._number:05}"
        moment = _EPOCH + timedelta(seconds=self._number * 60 + position)
        body: dict[str, Any] = {
            **KINDS[kind],
            "event_id": event_id,
            "message": f"job {event_id}, number {position}",
            "occurred_at": moment.isoformat(),
        }
        if session is not None:
            body["session_id"] = session if session.startswith("chain") else f"{session}-{event_id}"
        return Sent(event_id, kind, body)
