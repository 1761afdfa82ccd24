"""The running observer: services, graph, inbox, worker, in the order they start and stop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph

from observer.bootstrap import open_services
from observer.domain.calls import Call
from observer.domain.lifecycle import Lifecycle
from observer.domain.target import why_outside
from observer.errors import (
    AnswerRejected,
    NotADeadLetter,
    NothingToResume,
    UnknownApproval,
    UnknownDeadLetter,
    UnknownSession,
)
from observer.intake import Intake
from observer.lifecycle import LifecycleControl
from observer.no_progress import NoProgressAlarm
from observer.presses import listening, telegram_answers
from observer.records.checkpoints import open_checkpoints
from observer.records.data_dir import DataDir
from observer.records.deletion import Deletion
from observer.records.inbox import Inbox
from observer.records.stale_checkpoints import StaleCheckpoints
from observer.services import Services
from observer.settings import Configuration
from observer.triggers import Triggers
from observer.watch.instruments import instruments_of
from observer.watch.watch import Watch
from observer.worker import Deletions, Midnight, Requeue, Retention, Worker
from observer.worker.judge import MissionJudge

Graph = CompiledStateGraph[Any, Any, Any, Any]
BuildGraph = Callable[[Services, BaseCheckpointSaver[Any] | None], Graph]


@dataclass(frozen=True)
class Observer:
    """What the routes talk to."""

    services: Services
    graph: Graph
    intake: Intake
    requeue: Requeue
    lifecycle: LifecycleControl
    watch: Watch
    triggers: Triggers
    deletions: Deletions

    async def resume(
        self,
        tenant_id: str,
        session_id: str,
        decisions: list[dict[str, Any]] | None,
        approval_id: str | None,
        *,
        by: str | None = None,
    ) -> dict[str, Any]:
        """Answer a session's open question; without decisions, try a parked session again.

        Raises:
            UnknownSession: there is no such session.
            UnknownApproval: the session has no such question.
            ApprovalConflict: it was answered or withdrawn before.
            ApprovalExpired: its deadline has passed.
            AnswerRejected: the decisions do not fit the question.
            NothingToResume: nothing waits.
        """
        services = self.services
        if await services.session_views.show(tenant_id, session_id) is None:
            raise UnknownSession(f"tenant '{tenant_id}' has no session '{session_id}'")
        if decisions is None:
            parked = await services.events.parked(tenant_id, session_id)
            if not parked:
                waiting = await services.approvals.pending(
                    tenant_id=tenant_id, session_id=session_id
                )
                if waiting:
                    raise NothingToResume(f"it waits for an answer to {waiting[0].id}")
                raise NothingToResume("no event of this session was given up")
            revived = [await self.requeue.again(stored) for stored in parked]
            return {"session_id": session_id, "resumed": sum(revived)}
        if approval_id is None:
            latest = await services.approvals.latest(tenant_id, session_id)
            if latest is None:
                raise NothingToResume("this session has asked nothing")
            approval_id = latest.id
        approval = await services.approvals.get(approval_id)
        if (approval.tenant_id, approval.session_id) != (tenant_id, session_id):
            # As if there were none: it may be another tenant's.
            raise UnknownApproval(f"no approval has the id '{approval_id}'")
        for i, decision in enumerate(decisions):
            edited = decision.get("edited_action")
            if edited is not None and edited["name"] in services.mcp.tools:
                wrong = services.mcp.misfit(edited["name"], edited["args"])
                if wrong is None and approval.node is not None:
                    call = Call(edited["name"], edited["args"])
                    wrong = why_outside(call, about=approval.node, tree=services.tree)
                if wrong is not None:
                    raise AnswerRejected(f"decisions.{i}.edited_action.args: {wrong}")
        await services.approvals.answer(approval_id, decisions, by=by)
        await self.requeue.answer(approval)
        return {"session_id": session_id, "approval_id": approval_id}

    async def redeliver(self, dead_letter_id: str, tenant_id: str | None = None) -> dict[str, Any]:
        """Try an event again that was given up: the same path as `resume`, for one event.

        Raises:
            UnknownDeadLetter: there is no such event, or not of this tenant where one is given.
            NotADeadLetter: it is not given up, or not any more.
        """
        stored = await self.services.events.event(dead_letter_id)
        if stored is None or tenant_id not in (None, stored.event.tenant_id):
            raise UnknownDeadLetter(f"no dead letter has the id '{dead_letter_id}'")
        if not await self.requeue.again(stored):
            raise NotADeadLetter
        return {"id": stored.key, "session_id": stored.event.session_id}

    async def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether the observer can do its job, and what says so."""
        well, facts = await self.watch.health()
        return well, {**facts, "triggers": self.triggers.facts()}

    def held(self) -> list[dict[str, Any]]:
        """For whom nothing is begun: a tenant or `*`, the cause, the reason, and since when."""
        return [asdict(hold) for hold in self.services.holds.listed()]


@asynccontextmanager
async def open_observer(
    configuration: Configuration, build: BuildGraph, serde: Any
) -> AsyncIterator[Observer]:
    """Run the observer on its data directory.

    Raises:
        DataDirLocked: another process has the directory.
        DataDirUnusable: it cannot be used, or holds what this release does not understand.
        ConfigurationError: a tool server does not start, or a tool has no rule.
    """
    data_dir = DataDir(configuration.data_dir)
    data_dir.lock()
    try:
        async with (
            open_services(configuration, data_dir) as services,
            open_checkpoints(data_dir.checkpoints, serde) as checkpoints,
        ):
            instruments = instruments_of(services)
            lifecycle = LifecycleControl(services)
            await lifecycle.to(Lifecycle.STARTING, "the daemon starts")
            graph = build(services, checkpoints)
            queue = configuration.observer.queue
            inbox = Inbox(
                data_dir.queue,
                database_url=configuration.database_url,
                polling_interval_s=queue.polling_interval,
                # With what is held, twice as many may wait.
                most_events=2 * (queue.max_pending + queue.critical_reserve),
            )
            requeue = Requeue(services, inbox)
            worker = Worker(services, graph, inbox, requeue, lifecycle)
            intake = Intake(services, inbox, requeue, lifecycle)
            triggers = Triggers(services, intake)
            stale = StaleCheckpoints(checkpoints)
            retention = Retention(services, inbox, stale)
            deletions = _deletions(services, inbox, stale)
            midnight = Midnight(services)
            judge = MissionJudge(services, lifecycle)
            await worker.start()
            retention.start()
            deletions.start()
            midnight.start()
            alarm = NoProgressAlarm(services, intake.accept)
            try:
                await lifecycle.ready()
                alarm.start()
                judge.start()
                stores = (services.database, checkpoints, inbox)
                files = tuple(store.availability for store in stores)
                telegram = telegram_answers(services)
                watch = Watch(services, lifecycle, files, telegram, instruments)
                observer = Observer(
                    services, graph, intake, requeue, lifecycle, watch, triggers, deletions
                )
                triggers.start()
                asked = services.approvals
                await watch.start()
                try:
                    async with listening(telegram, asked, observer.resume, requeue.answer):
                        yield observer
                finally:
                    await watch.stop()
            finally:
                await triggers.stop()
                await judge.stop()
                await lifecycle.to(Lifecycle.STOPPING, "asked to stop")
                midnight.stop()
                await alarm.stop()
                await deletions.stop()
                await retention.stop()
                await worker.stop()
                await lifecycle.to(Lifecycle.STOPPED, "stopped")
    finally:
        data_dir.unlock()


def _deletions(services: Services, inbox: Inbox, checkpoints: StaleCheckpoints) -> Deletions:
    deletion = Deletion(
        services.database,
        services.journal,
        services.memory.past,
        services.data_dir,
        inbox,
        checkpoints,
        turn=services.drain.turn,
        kept_days=services.configuration.observer.retention.days,
    )
    return Deletions(deletion, services.drain)
