"""Handles one item of the inbox: an event, or a person's answer. Retries inside, never raises."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from langgraph.errors import GraphDrained
from langgraph.graph.state import CompiledStateGraph

from observer.domain.event import Event, Severity, digest
from observer.domain.lifecycle import Lifecycle
from observer.errors import EarlierEventFailed, UnknownApproval
from observer.lifecycle import LifecycleControl
from observer.records.inbox import Inbox, Item
from observer.records.sessions import StoredEvent
from observer.services import Services
from observer.worker.gate import SessionGate
from observer.worker.runner import Runner

logger = logging.getLogger("observer.worker")

_ROW_WAIT_S = 1.0
_FIRST_TROUBLE_DELAY_S = 0.5
_LONGEST_TROUBLE_DELAY_S = 30.0
_UNFINISHED = ("queued", "running")


class Worker:
    """Takes items from the inbox, one session at a time each, and works them off."""

    def __init__(
        self,
        services: Services,
        graph: CompiledStateGraph[Any, Any, Any, Any],
        inbox: Inbox,
        lifecycle: LifecycleControl,
    ) -> None:
        self._services = services
        self._sessions = services.sessions
        self._approvals = services.approvals
        self._inbox = inbox
        self._lifecycle = lifecycle
        self._settings = services.configuration.observer
        self._gate = SessionGate(self._settings.concurrency)
        self._runner = Runner(services, graph)
        self._sweeper: asyncio.Task[None] | None = None
        self._answered = asyncio.Event()
        lifecycle.on_change = self._follow

    def _follow(self, state: Lifecycle) -> None:
        if state is Lifecycle.RUNNING:
            self._gate.open()
        else:
            self._gate.shut()

    async def start(self) -> None:
        """Open the inbox and look after deadlines."""
        self._gate.shut()
        await self._inbox.open(self.handle)
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """Let running sessions reach their next step within the grace time, then let go."""
        self._gate.shut()
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self._runner.drain(self._settings.worker.grace)
        await self._inbox.close()

    async def put_answer(self, approval_id: str, tenant_id: str, session_id: str) -> None:
        """An approval was answered: queue the session's next run."""
        await self._inbox.put(
            {"kind": "answer", "approval_id": approval_id},
            item_id=digest("answer", approval_id),
            lane="critical",
            session=digest(tenant_id, session_id),
        )
        self._answered.set()

    async def put_again(self, stored: StoredEvent) -> None:
        """A person asked for another try of an event that was given up."""
        await self._sessions.revive(stored)
        event = stored.event
        await self._inbox.put(
            {
                "kind": "event",
                "event": event.model_dump(mode="json"),
                "body_hash": "",
                "fingerprint": None,
            },
            item_id=digest("again", stored.key, str(asyncio.get_running_loop().time())),
            lane="critical" if event.severity is Severity.CRITICAL else "normal",
            session=digest(event.tenant_id, event.session_id),
        )

    async def handle(self, item: Item) -> None:
        """Work one item off. Returns when nothing is left to do for it in this process."""
        delay = _FIRST_TROUBLE_DELAY_S
        while True:
            try:
                if item["kind"] == "answer":
                    await self._handle_answer(item["approval_id"])
                else:
                    await self._handle_event(item)
                return
            except Exception as error:
                if self._runner.draining:
                    # The process is stopping: the item must stay unfinished for the next one.
                    await asyncio.Event().wait()
                # Not the event's fault but the records': a workflow that raises is over for good.
                logger.error("cannot work on an item, will try again: %s", error)
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_TROUBLE_DELAY_S)

    async def _handle_event(self, item: Item) -> None:
        event = Event.model_validate(item["event"])
        urgent = event.severity is Severity.CRITICAL
        # Everything of this session that came before goes first, whatever lane it waits in.
        while unfinished := await self._unfinished(event, item):
            for stored in unfinished:
                await self._work_off(stored, urgent=urgent)
            if unfinished[-1].key == event.key:
                return

    async def _unfinished(self, event: Event, item: Item) -> list[StoredEvent]:
        unfinished = await self._sessions.unfinished(event)
        if not unfinished and await self._sessions.event(event.key) is None:
            await self._heal_missing_row(event, item)
            unfinished = await self._sessions.unfinished(event)
        return unfinished

    async def _handle_answer(self, approval_id: str) -> None:
        try:
            approval = await self._approvals.get(approval_id)
        except UnknownApproval:
            return
        stored = await self._sessions.event(approval.event_key)
        if stored is not None:
            await self._work_off(stored, urgent=True, statuses=("waiting", *_UNFINISHED))

    async def _heal_missing_row(self, event: Event, item: Item) -> None:
        """A crash between the queue's commit and ours: the queue's copy is complete."""
        deadline = asyncio.get_running_loop().time() + _ROW_WAIT_S
        while await self._sessions.event(event.key) is None:
            if asyncio.get_running_loop().time() >= deadline:
                await self._sessions.admit(
                    event, body_hash=item["body_hash"], fingerprint=item["fingerprint"]
                )
                return
            await asyncio.sleep(_ROW_WAIT_S / 20)

    async def _work_off(
        self, stored: StoredEvent, *, urgent: bool, statuses: tuple[str, ...] = _UNFINISHED
    ) -> None:
        session = digest(stored.event.tenant_id, stored.event.session_id)
        while True:
            async with self._gate.turn(session, urgent=urgent):
                current = await self._sessions.event(stored.key)
                if current is None or current.status not in statuses:
                    return
                if await self._waits_behind_approval(current):
                    return
                delay = await self._try(current)
            if delay is None:
                return
            await asyncio.sleep(delay)
            statuses = _UNFINISHED

    async def _try(self, stored: StoredEvent) -> float | None:
        """One run; the seconds until the next try, or None when there is none."""
        try:
            ended = await self._runner.run(stored)
        except GraphDrained:
            raise
        except Exception as error:
            if self._runner.draining:
                # What breaks while the doors are being closed says nothing about the event.
                raise GraphDrained("stopping") from error
            return await self._failed(stored, error)
        self._lifecycle.note_success()
        if ended == "waiting_approval":
            self._answered.set()
        return None

    async def _failed(self, stored: StoredEvent, error: Exception) -> float | None:
        why = f"{type(error).__name__}: {error}"
        logger.warning("event %s failed: %s", stored.event.event_id, why)
        delays = self._settings.worker.retry_delays
        delay = delays[stored.attempts] if stored.attempts < len(delays) else None
        await self._runner.give_up(stored, why, for_good=delay is None)
        await self._lifecycle.note_failure(stored.key, why)
        return delay

    async def _waits_behind_approval(self, stored: StoredEvent) -> bool:
        """While the session waits for a person, further events are noted, not run."""
        event = stored.event
        while stored.session_asks:
            waiting = await self._sessions.waiting(event.tenant_id, event.session_id)
            asking = next((other for other in waiting if other.key != stored.key), None)
            if asking is None:
                return False
            approval = await self._approvals.pending_of(asking.key)
            if approval is not None:
                if not _is_worse(event, asking.event):
                    await self._sessions.join(stored, f"noted on approval {approval.id}")
                    return True
                note = f"withdrawn: a {event.severity} event came in for this session"
                await self._approvals.end(approval, "withdrawn", note)
            # New input would drop the question from the thread: the answer is taken up first.
            if await self._try(asking) is not None:
                raise EarlierEventFailed
        return False

    async def _sweep(self) -> None:
        """Expire overdue approvals and queue the answers that no run has taken up."""
        while True:
            self._answered.clear()
            for approval in await self._approvals.overdue():
                await self._approvals.end(approval, "expired", "nobody answered in time")
            for approval in await self._approvals.answered():
                await self._inbox.put(
                    {"kind": "answer", "approval_id": approval.id},
                    item_id=digest("answer", approval.id),
                    lane="critical",
                    session=digest(approval.tenant_id, approval.session_id),
                )
            soonest = await self._approvals.next_deadline()
            try:
                async with asyncio.timeout(_until(soonest)):
                    await self._answered.wait()
            except TimeoutError:
                continue


def _is_worse(event: Event, than: Event) -> bool:
    return (event.severity or Severity.WARNING).rank > (than.severity or Severity.WARNING).rank


def _until(moment: float | None) -> float | None:
    return None if moment is None else min(max(moment - time.time(), 0.05), 60.0)
