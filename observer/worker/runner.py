"""One run of the graph for one event: from its beginning, or from where the last one stopped."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from langgraph.errors import GraphDrained
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import RunControl
from langgraph.types import Command, StateSnapshot

from observer.domain.event import Event, Severity, thread_id
from observer.domain.health import about_ourselves, most_steps
from observer.errors import UnknownApproval
from observer.records.database import Connection
from observer.records.events import StoredEvent
from observer.records.failures import note_ending
from observer.records.sessions import Checkpoint
from observer.records.spans import new_id, now_ms
from observer.services import Services
from observer.worker.ending import ending_of, given_up


@dataclass(frozen=True)
class Trace:
    """A run under way."""

    id: str
    began_ms: int
    clock: float

    @property
    def latency_ms(self) -> float:
        """Milliseconds since it began."""
        return (time.monotonic() - self.clock) * 1000


class Runner:
    """Invokes the graph and records how each run ended."""

    def __init__(self, services: Services, graph: CompiledStateGraph[Any, Any, Any, Any]) -> None:
        self._services = services
        self._graph = graph
        self._active: dict[str, RunControl] = {}
        self._trace_of: dict[str, Trace] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self.draining = False

    async def run(self, stored: StoredEvent) -> str:
        """Run the event to its end or to a question; returns the session's status.

        Raises:
            GraphDrained: the process is stopping; nothing was recorded as ended.
        """
        if self.draining:
            raise GraphDrained("stopping")
        trace = Trace(new_id(), now_ms(), time.monotonic())
        self._trace_of[stored.key] = trace
        control = self._active[trace.id] = RunControl()
        self._idle.clear()
        try:
            return await self._run(stored, trace, control)
        finally:
            del self._active[trace.id]
            self._services.steps.forget(trace.id)
            self._services.claims.release(stored.key)
            if not self._active:
                self._idle.set()

    async def _run(self, stored: StoredEvent, trace: Trace, control: RunControl) -> str:
        event = stored.event
        thread = thread_id(event.tenant_id, event.session_id)
        address = {"configurable": {"thread_id": thread}}
        snapshot = await self._graph.aget_state(address)  # pyright: ignore[reportArgumentType]
        reached = (snapshot.metadata or {}).get("event_key") == stored.key
        goes_on = _checkpoint(snapshot) if reached else None
        again = await self._services.sessions.begin_run(
            stored, trace.id, goes_on=goes_on, end_cut=partial(self._end_cut, event)
        )
        graph_input: Any = {"event": event.model_dump(mode="json")}
        if reached:
            graph_input = await self._continuation(snapshot)
        calls = self._services.configuration.observer.budget.max_tool_calls_per_run
        config: Any = {
            "configurable": {"thread_id": thread, "trace_id": trace.id, "resumed": again},
            "metadata": {"event_key": stored.key},
            "recursion_limit": most_steps(calls),
        }
        while True:
            state = await self._graph.ainvoke(
                graph_input, config, durability="sync", control=control
            )
            if "__interrupt__" not in state:
                break
            answer = await self._answer_to(state)
            if answer is None:
                await self._end(stored, trace, "waiting_approval", state)
                return "waiting_approval"
            graph_input = Command(resume=answer)
            config["configurable"]["resumed"] = True
        await self._end(stored, trace, "done", state)
        return state["outcome"]

    def _end_cut(self, event: Event, connection: Connection, trace_id: str) -> None:
        self._services.spans.end_run(
            connection, event, trace_id, status="interrupted", outcome="interrupted"
        )

    async def _continuation(self, snapshot: StateSnapshot) -> Any:
        """Never judged by `next`: it is empty between a node's writes and its checkpoint."""
        if snapshot.interrupts:
            answer = await self._answer_to(snapshot.values)
            if answer is not None:
                return Command(resume=answer)
        return None

    async def _answer_to(self, state: dict[str, Any]) -> dict[str, Any] | None:
        remedy = state.get("remedy")
        if remedy is None or remedy.approval_id is None:
            return None
        try:
            approval = await self._services.approvals.get(remedy.approval_id)
        except UnknownApproval:
            return None
        return approval.answer

    async def _end(
        self, stored: StoredEvent, trace: Trace, run_status: str, state: dict[str, Any]
    ) -> None:
        waiting = run_status == "waiting_approval"
        outcome = None if waiting else state["outcome"]
        severity: Severity = state["incident"].severity
        remedy = state.get("remedy")
        services = self._services
        lacking = None
        if not waiting and not about_ourselves(stored.event):
            lacking = await services.run_health.lacking(state["incident"], state["outcome"])
        ending = await ending_of(stored, state, outcome, services)

        def work(connection: Any) -> None:
            services.spans.flush_into(connection)
            services.spans.end_run(
                connection,
                state["incident"],
                trace.id,
                status="waiting" if waiting else "success",
                outcome=outcome or "waiting_approval",
                began_ms=trace.began_ms,
                latency_ms=trace.latency_ms,
            )
            if lacking is not None:
                services.progress.note(
                    connection, state["incident"], trace.id, lacking, time.time()
                )
            note_ending(connection, stored, ending)
            if not waiting:
                services.mission.count_run(connection)
            services.sessions.end_run(
                connection,
                stored,
                trace.id,
                run_status=run_status,
                event_status="waiting" if waiting else "done",
                session_status="waiting_approval" if waiting else outcome or "failed",
                outcome=outcome,
                report=state.get("report"),
                severity=severity,
                remedy=None if remedy is None else remedy.id,
            )
            if outcome is not None:
                services.outcomes.note(connection, stored, outcome, severity)

        await services.database.write(work)
        del self._trace_of[stored.key]
        if not waiting:
            services.dispatcher.forget(stored.key)
        if lacking is not None:
            services.progress.news.set()
        services.drain.wake()

    async def give_up(self, stored: StoredEvent, why: str, *, for_good: bool) -> None:
        """This try failed: the event waits for the next one, or becomes a dead letter."""
        services = self._services
        trace = self._trace_of[stored.key]
        ending = given_up(stored, for_good=for_good, services=services)

        def work(connection: Any) -> None:
            services.spans.flush_into(connection)
            services.spans.end_run(
                connection,
                stored.event,
                trace.id,
                status="error",
                outcome="failed",
                began_ms=trace.began_ms,
                latency_ms=trace.latency_ms,
            )
            note_ending(connection, stored, ending)
            if for_good:
                services.mission.count_run(connection)
            services.sessions.end_run(
                connection,
                stored,
                trace.id,
                run_status="failed",
                event_status="dead" if for_good else "queued",
                session_status="failed" if for_good else "queued",
                reason=why[:500],
            )
            if for_good:
                services.outcomes.note(connection, stored, "failed", stored.event.severity)

        await services.database.write(work)
        del self._trace_of[stored.key]
        if for_good:
            services.dispatcher.forget(stored.key)
        services.drain.wake()

    async def drain(self, grace_s: float) -> None:
        """Ask every run to stop at its next step, and wait so long for it."""
        self.draining = True
        for control in list(self._active.values()):
            control.request_drain("shutdown")
        try:
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        except TimeoutError:
            pass


def _checkpoint(snapshot: StateSnapshot) -> Checkpoint:
    return Checkpoint(
        str(snapshot.config.get("configurable", {}).get("checkpoint_id")),
        int((snapshot.metadata or {}).get("step", 0)),
    )
