"""One recorded event through the real graph, records and policies, in a directory of its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph

from observer.bootstrap import open_services
from observer.domain.approval import ELAPSED, Approval
from observer.domain.eval_case import Case, Question
from observer.errors import AnswerRejected
from observer.evals.recorded_tools import RecordedTools
from observer.evals.same_calls import SameCalls
from observer.evals.staging import as_then
from observer.records.checkpoints import open_checkpoints
from observer.records.data_dir import DataDir
from observer.records.events import StoredEvent
from observer.records.trials import let_pass
from observer.services import Services
from observer.settings import Configuration
from observer.worker.runner import Runner

BuildGraph = Callable[
    [Services, BaseCheckpointSaver[Any] | None], CompiledStateGraph[Any, Any, Any, Any]
]


@dataclass(frozen=True)
class Replayed:
    """What became of the event this time."""

    candidate: dict[str, Any]
    """As it would stand in candidates.jsonl."""
    unrecorded: list[str] = field(default_factory=list[str])
    """Calls that the recording has no answer to, and questions that nobody had answered."""


async def replay(
    case: Case, configuration: Configuration, build: BuildGraph, serde: Any
) -> Replayed:
    """Try a case again; the models of the configured profile are asked, nobody else is.

    Raises:
        ConfigurationError: the configuration does not fit together.
    """
    with tempfile.TemporaryDirectory(prefix="observer-evals-") as folder:
        data_dir = DataDir(Path(folder))
        data_dir.lock()
        try:
            then = as_then(configuration, case.context.accepted_at, data_dir.path)
            tools = _tools(case, then)
            async with (
                open_services(then, data_dir, tools) as services,
                open_checkpoints(data_dir.checkpoints, serde) as checkpoints,
            ):
                return await _Trial(case, services, build(services, checkpoints), tools).run()
        finally:
            data_dir.unlock()


def _tools(case: Case, configuration: Configuration) -> RecordedTools:
    escalation = configuration.escalation
    phases = (escalation.outcome, escalation.approval, escalation.patience)
    notices = {n.tool for phase in phases for told in phase.values() for n in told}
    same_calls = SameCalls.under(configuration)
    return RecordedTools(case.tool_calls, same_calls, tools=configuration.autonomy, notices=notices)


class _Trial:
    def __init__(
        self,
        case: Case,
        services: Services,
        graph: CompiledStateGraph[Any, Any, Any, Any],
        tools: RecordedTools,
    ) -> None:
        self._case = case
        self._services = services
        self._runner = Runner(services, graph)
        self._tools = tools
        self._same_calls = SameCalls.under(services.configuration)
        self._questions = list(case.hitl_override.questions)
        self._unanswered: list[str] = []

    async def run(self) -> Replayed:
        event, services = self._case.input, self._services
        if self._case.context.kill_switch:
            await services.kill_switch.turn(event.tenant_id, on=True)
        await services.sessions.admit(event, body_hash="", fingerprint=None)
        while await self._to_its_next_stop() == "waiting_approval":
            approval = await services.approvals.pending_of(event.key)
            assert approval is not None  # noqa: S101  it waits for one
            await self._answer(approval)
        candidate = await services.sessions.candidates.of_event(event.key)
        assert candidate is not None  # noqa: S101  it has ended
        return Replayed(candidate, [*self._tools.unrecorded, *self._unanswered])

    async def _stored(self) -> StoredEvent:
        stored = await self._services.events.event(self._case.input.key)
        assert stored is not None  # noqa: S101  it was admitted
        return stored

    async def _to_its_next_stop(self) -> str:
        """As the worker does, but for the waits between tries."""
        tries = 1 + len(self._services.configuration.observer.worker.retry_delays)
        for number in range(1, tries + 1):
            stored = await self._stored()
            try:
                return await self._runner.run(stored)
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
                await self._runner.give_up(stored, why, for_good=number == tries)
        return "failed"

    async def _answer(self, approval: Approval) -> None:
        """As it ended then, if the same was asked; else patience passes, and people are silent."""
        approvals = self._services.approvals
        asked = [(a["name"], a["args"]) for a in approval.request["action_requests"]]
        then = next((q for q in self._questions if self._same(q, asked)), None)
        if then is not None:
            self._questions.remove(then)
        if then is None and approval.runs_at is None:
            what = ", ".join(f"{name} {args}" for name, args in asked)
            self._unanswered.append(f"a person is asked what nobody was asked then: {what}")
        if approval.runs_at is not None and (then is None or then.status == ELAPSED):
            await let_pass(self._services.database, max(0.0, approval.runs_at - time.time()))
            await approvals.elapse(approval)
            # What was noted of its age is of before.
            self._services.dispatcher.forget(approval.event_key)
        elif then is not None and then.status == "answered":
            try:
                await approvals.answer(approval.id, then.decisions)
            except AnswerRejected as error:
                self._unanswered.append(f"the answer of then does not fit: {error}")
                await approvals.end(approval, "expired", "nobody answered in time")
        elif then is not None and then.status == "withdrawn":
            message = next((d.get("message", "") for d in then.decisions), "")
            await approvals.end(approval, then.status, message)
        else:
            await approvals.end(approval, "expired", "nobody answered in time")

    def _same(self, then: Question, asked: list[tuple[str, dict[str, Any]]]) -> bool:
        """A person's yes to one thing is none to another."""
        return len(then.asked) == len(asked) and all(
            known.tool == name and self._same_calls.same(name, known.args, args)
            for known, (name, args) in zip(then.asked, asked, strict=True)
        )
