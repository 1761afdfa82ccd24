"""The outside: posts until there is a 202, answers questions, and keeps what it was told."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from observer.domain.event import digest
from tests.crash.evidence import rows
from tests.crash.proof.schedule import Delivery, Sent
from tests.observer_process import ObserverProcess

DECISIONS = {"approved": "approve", "rejected": "reject"}
_OPPOSITE = {"approve": "reject", "reject": "approve"}

_OPEN = "SELECT id, session_id, event_key FROM approvals WHERE status = 'pending'"
_WAITING = (
    "SELECT id, approvals.session_id, event_key FROM approvals JOIN events USING (event_key)"
    " WHERE approvals.status = 'pending' AND events.status = 'waiting'"
)


@dataclass
class Promise:
    """What the sender knows of one event: when it first tried, and what it was told."""

    sent: Sent
    first_try: float
    accepted_at: float | None = None
    fresh: int = 0
    sessions: set[str] = field(default_factory=set)


class Sender:
    """Sends each delivery until it is answered 202, as a real sender does."""

    def __init__(self) -> None:
        self.promises: dict[str, Promise] = {}
        self.waiting: deque[Delivery] = deque()
        self.refusals: list[str] = []
        """Second answers that were not refused."""
        self.answered: dict[str, int] = {}
        """What the first answer to each question was told, where no kill came between."""
        self._unsure: set[str] = set()

    def queue(self, deliveries: Iterable[Delivery]) -> None:
        """Send these, after what is still to be sent."""
        self.waiting.extend(deliveries)

    def deliver(self, observer: ObserverProcess) -> bool:
        """Post what waits, in order; false: the daemon died, and the rest waits for the next."""
        with httpx.Client(base_url=observer.url, timeout=30) as client:
            while self.waiting:
                cut = self._post(client, self.waiting.popleft())
                if cut:
                    self.waiting.extendleft((sent,) for sent in reversed(cut))
                    return False
        return True

    def _post(self, client: httpx.Client, delivery: Delivery) -> list[Sent]:
        if len(delivery) == 1:
            kept = [self._post_one(client, delivery[0])]
        else:
            with ThreadPoolExecutor(len(delivery)) as threads:
                kept = list(threads.map(lambda sent: self._post_one(client, sent), delivery))
        return [sent for sent, promised in zip(delivery, kept, strict=True) if not promised]

    def _post_one(self, client: httpx.Client, sent: Sent) -> bool:
        promise = self.promises.setdefault(sent.event_id, Promise(sent, time.time()))
        try:
            answer = client.post("/alerts", json=sent.body)
        except httpx.TransportError:
            return False
        if answer.status_code == 503:
            return False
        assert answer.status_code == 202, answer.text
        told = answer.json()["events"][0]
        promise.accepted_at = promise.accepted_at or time.time()
        promise.fresh += not told["duplicate"]
        promise.sessions.add(told["session_id"])
        return True

    def answer_all(self, observer: ObserverProcess, *, only_waiting: bool = False) -> None:
        """Answer every open question, twice; or only those whose run has ended to wait for it."""
        kinds = {
            digest("default", "native", event_id): promise.sent.kind
            for event_id, promise in self.promises.items()
        }
        asked = rows(observer.data_dir, _WAITING if only_waiting else _OPEN)
        with httpx.Client(base_url=observer.url, timeout=30) as client:
            for approval, session, event_key in asked:
                decision = DECISIONS.get(kinds[event_key], "reject")
                if not self._answer(client, approval, session, decision):
                    break

    def _answer(self, client: httpx.Client, approval: str, session: str, decision: str) -> bool:
        """The answer, then the opposite one, which must be refused; false: the daemon died."""
        try:
            first = _resume(client, approval, session, decision)
        except httpx.TransportError:
            self._unsure.add(approval)
            return False
        if first == 202 or approval not in self._unsure:
            self.answered[approval] = first
        try:
            second = _resume(client, approval, session, _OPPOSITE[decision])
        except httpx.TransportError:
            return False
        if second != 409:
            self.refusals.append(f"{approval}: a second answer was {second}")
        return True


def _resume(client: httpx.Client, approval: str, session: str, decision: str) -> int:
    body: dict[str, Any] = {"approval_id": approval, "decisions": [{"type": decision}]}
    return client.post(f"/sessions/{session}/resume", json=body).status_code
