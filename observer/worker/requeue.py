"""Work that reaches the inbox by another way than the intake: answers, tries again, left-overs."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from observer.domain.event import digest
from observer.domain.severity import known_critical
from observer.records.approvals import Approval
from observer.records.events import StoredEvent
from observer.records.inbox import Inbox
from observer.services import Services
from observer.worker.trouble import insist

_LONGEST_SLEEP_S = 60.0


class Requeue:
    """Keeps the promise that what the records call unfinished is in the inbox."""

    def __init__(self, services: Services, inbox: Inbox) -> None:
        self._sessions = services.sessions
        self._events = services.events
        self._approvals = services.approvals
        self._tree = services.tree
        self._inbox = inbox
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Queue what the last process left, then look after the approvals' deadlines."""
        self._task = asyncio.create_task(self._look_after())

    def stop(self) -> None:
        """Stop looking after deadlines."""
        if self._task is not None:
            self._task.cancel()

    def asked(self) -> None:
        """There is a new question, with a deadline."""
        self._changed.set()

    async def answer(self, approval: Approval) -> None:
        """An approval was answered: queue the run that takes the answer up."""
        await self._put_answer(approval)
        self._changed.set()

    async def _put_answer(self, approval: Approval) -> None:
        await self._inbox.put(
            {"kind": "answer", "approval_id": approval.id},
            item_id=digest("answer", approval.id),
            lane="critical",
            session=digest(approval.tenant_id, approval.session_id),
        )

    async def again(self, stored: StoredEvent) -> bool:
        """A person asked for another try; false: the event is not given up, or not any more."""
        revived = await self._sessions.revive(stored)
        if revived:
            await self._put(stored)
        return revived

    async def _put(self, stored: StoredEvent) -> None:
        """The id names the last run: the inbox never starts the same id a second time."""
        event = stored.event
        last = await self._events.last_trace(stored)
        await self._inbox.put(
            {"kind": "event", "event": event.model_dump(mode="json")},
            item_id=digest("again", stored.key, last or ""),
            lane="critical" if known_critical(event, self._tree, _now()) else "normal",
            session=digest(event.tenant_id, event.session_id),
        )

    async def _look_after(self) -> None:
        await insist("cannot queue what was left over", self._put_left_over)
        while True:
            self._changed.clear()
            soonest = await insist("cannot look after approvals", self._sweep)
            try:
                async with asyncio.timeout(_until(soonest)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _put_left_over(self) -> None:
        for stored in await self._events.left_over():
            await self._put(stored)

    async def _sweep(self) -> float | None:
        """End what is overdue, queue answers no run has taken up; returns the next deadline."""
        for approval in await self._approvals.overdue():
            if approval.runs_at is not None:
                await self._approvals.elapse(approval)
            else:
                await self._approvals.end(approval, "expired", "nobody answered in time")
        for approval in await self._approvals.answered():
            await self._put_answer(approval)
        return await self._approvals.next_deadline()


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


def _until(moment: float | None) -> float | None:
    return None if moment is None else min(max(moment - time.time(), 0.05), _LONGEST_SLEEP_S)
