"""Handles one item of the inbox: an event, or a person's answer. Retries inside, never raises."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Any

from langgraph.errors import GraphDrained
from langgraph.graph.state import CompiledStateGraph

from observer.domain.event import Event, Severity, digest
from observer.domain.hold import may_begin
from observer.domain.lifecycle import Lifecycle
from observer.domain.retries import next_delay
from observer.domain.severity import from_facts, known_critical
from observer.errors import EarlierEventFailed, RecordsUnavailable, Undelivered, UnknownApproval
from observer.lifecycle import LifecycleControl
from observer.records.events import StoredEvent
from observer.records.inbox import Inbox, Item
from observer.services import Services
from observer.worker.gate import SessionGate
from observer.worker.requeue import Requeue
from observer.worker.runner import Runner
from observer.worker.trouble import insist

logger = logging.getLogger("observer.worker")

_ROW_WAIT_S = 1.0
_UNFINISHED = ("queued", "running")


class Worker:
    """Takes items from the inbox, one session at a time each, and works them off."""

    def __init__(
        self,
        services: Services,
        graph: CompiledStateGraph[Any, Any, Any, Any],
        inbox: Inbox,
        requeue: Requeue,
        lifecycle: LifecycleControl,
    ) -> None:
        self._services = services
        self._sessions = services.sessions
        self._events = services.events
        self._approvals = services.approvals
        self._holds = services.holds
        self._inbox = inbox
        self._requeue = requeue
        self._lifecycle = lifecycle
        self._settings = services.configuration.observer
        self._gate = SessionGate(self._settings.concurrency)
        self._runner = Runner(services, graph)
        lifecycle.listeners.append(self._follow)
        services.holds.listeners.append(self._follow_holds)

    def _follow(self, state: Lifecycle) -> None:
        # Under SUSPENDED each event is asked about: a CRITICAL still reaches people.
        if state in (Lifecycle.RUNNING, Lifecycle.SUSPENDED):
            self._gate.open()
        else:
            self._gate.shut()

    async def _follow_holds(self) -> None:
        self._gate.look_again()

    async def start(self) -> None:
        """Open the inbox and look after deadlines."""
        self._gate.shut()
        await self._inbox.open(self.handle)
        self._requeue.start()

    async def stop(self) -> None:
        """Let running sessions reach their next step within the grace time, then let go."""
        self._gate.shut()
        self._requeue.stop()
        await self._runner.drain(self._settings.worker.grace)
        await self._inbox.close()

    async def handle(self, item: Item) -> None:
        """Work one item off. Returns when nothing is left to do for it in this process."""
        # A workflow that raises is over for good.
        await insist("cannot work on an item", lambda: self._handle(item))

    async def _handle(self, item: Item) -> None:
        try:
            if item["kind"] == "answer":
                await self._handle_answer(item["approval_id"])
            else:
                await self._handle_event(item)
        except Exception:
            if not self._runner.draining:
                raise
            # The process is stopping: the item must stay unfinished for the next one.
            await asyncio.Event().wait()

    async def _handle_event(self, item: Item) -> None:
        event = await self._stored_event(item)
        critical = known_critical(event, self._services.tree, _now())
        # Everything of this session that came before goes first, whatever lane it waits in.
        while unfinished := await self._events.unfinished(event):
            for stored in unfinished:
                await self._work_off(stored, urgent=critical, critical=critical)
            if unfinished[-1].key == event.key:
                return

    async def _stored_event(self, item: Item) -> Event:
        """The event as its row has it: sent again after a crash, it may have another session.

        A crash between the queue's commit and ours leaves no row; the queue's copy is complete.
        """
        event = Event.model_validate(item["event"])
        deadline = asyncio.get_running_loop().time() + _ROW_WAIT_S
        while (stored := await self._events.event(event.key)) is None:
            if asyncio.get_running_loop().time() >= deadline:
                await self._sessions.admit(
                    event, body_hash=item["body_hash"], fingerprint=item["fingerprint"]
                )
            else:
                await asyncio.sleep(_ROW_WAIT_S / 20)
        return stored.event

    async def _handle_answer(self, approval_id: str) -> None:
        try:
            approval = await self._approvals.get(approval_id)
        except UnknownApproval:
            return
        stored = await self._events.event(approval.event_key)
        if stored is not None:
            await self._work_off(stored, urgent=True, statuses=("waiting", *_UNFINISHED))

    async def _work_off(
        self,
        stored: StoredEvent,
        *,
        urgent: bool,
        critical: bool = False,
        statuses: tuple[str, ...] = _UNFINISHED,
    ) -> None:
        """`critical`: it, or what waits behind it, must reach people whatever holds its tenant.

        What has begun goes on as if it were: people are waiting to be told how it ends.
        """
        tenant = stored.event.tenant_id
        session = digest(tenant, stored.event.session_id)
        begun = stored.attempts > 0 or stored.status != "queued"

        def may_begin_now() -> bool:
            return may_begin(self._holds.of(tenant), critical=critical or begun)

        while True:
            async with self._gate.turn(session, urgent=urgent, may_begin=may_begin_now):
                current = await self._events.event(stored.key)
                if current is None or current.status not in statuses:
                    return
                if await self._waits_behind_approval(current):
                    return
                delay = await self._try(current)
            if delay is None:
                return
            await asyncio.sleep(delay)
            statuses, begun = _UNFINISHED, True

    async def _try(self, stored: StoredEvent) -> float | None:
        """One run; the seconds until the next try, or None when there is none."""
        try:
            ended = await self._runner.run(stored)
        except (GraphDrained, RecordsUnavailable):
            # Trouble with the records is not the event's failure: it costs none of its tries.
            raise
        except Exception as error:
            if self._runner.draining:
                # What breaks while the doors are being closed says nothing about the event.
                raise GraphDrained("stopping") from error
            return await self._failed(stored, error)
        self._lifecycle.note_success()
        if ended == "waiting_approval":
            self._requeue.asked()
        return None

    async def _failed(self, stored: StoredEvent, error: Exception) -> float | None:
        why = self._services.redactor.text(f"{type(error).__name__}: {error}")
        logger.warning("event %s failed: %s", stored.event.event_id, why)
        limits = self._settings.worker
        undelivered = isinstance(error, Undelivered)
        delay = next_delay(
            stored.attempts,
            limits.retry_delays,
            age_s=time.time() - stored.accepted_at,
            patience_s=limits.undelivered_for if undelivered else 0.0,
        )
        await self._runner.give_up(stored, why, for_good=delay is None)
        if not undelivered or error.nobody:
            await self._lifecycle.note_failure(stored.key, why)
        return delay

    async def _waits_behind_approval(self, stored: StoredEvent) -> bool:
        """While the session waits for a person, further events are noted, not run."""
        event = stored.event
        while stored.session_asks:
            waiting = await self._events.waiting(event.tenant_id, event.session_id)
            asking = next((other for other in waiting if other.key != stored.key), None)
            if asking is None:
                return False
            approval = await self._approvals.pending_of(asking.key)
            if approval is not None:
                if self._rank(event) <= self._rank(asking.event):
                    note = f"noted on approval {approval.id}"
                    await self._sessions.join(stored, note, to=asking.key)
                    return True
                note = f"withdrawn: a {event.severity} event came in for this session"
                await self._approvals.end(approval, "withdrawn", note)
            # New input would drop the question from the thread: the answer is taken up first.
            if await self._try(asking) is not None:
                raise EarlierEventFailed
        return False

    def _rank(self, event: Event) -> int:
        known = from_facts(event, self._services.tree, _now())
        return (known[0] if known is not None else Severity.WARNING).rank


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
