"""The whole graph in this process, with a chat model that says what it is told to.

Records, doors, policies and prompts are the real ones; only the tool server and the model's
provider are doubles, so that thousands of runs fit in a test.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver

from graph.build import build_graph, serializer
from observer.domain.budget import RunBudget
from observer.domain.calls import CallStatus
from observer.domain.event import Event
from observer.domain.redaction import Redactor
from observer.gateway.budgets import Budgets
from observer.gateway.chat_models import ChatModels
from observer.gateway.claims import Claims
from observer.gateway.dispatcher import Dispatcher
from observer.gateway.models import Models
from observer.gateway.money import Money
from observer.gateway.patience import Patience
from observer.gateway.policy import Policy
from observer.gateway.replies import Reply
from observer.records.approvals import Approvals
from observer.records.database import Database
from observer.records.events import Events
from observer.records.holds import Holds
from observer.records.journal import Journal
from observer.records.kill_switch import KillSwitch
from observer.records.learned import Learned
from observer.records.ledger import Ledger
from observer.records.memory import Memory
from observer.records.session_views import SessionViews
from observer.records.spans import Spans
from observer.records.spending import Spending
from observer.records.steps import Steps
from observer.services import Services
from observer.settings import Configuration, load_configuration
from tests.day_budgets import today
from tests.flows.configs import edited_config
from tests.run_health import run_health

TOOLS = {
    "check_pipeline_health",
    "get_stage_metrics",
    "get_recent_errors",
    "find_action",
    "retry_failed_jobs",
    "restart_stage",
    "clear_queue",
    "create_incident",
    "send_slack_alert",
    "page_oncall",
}
OPENAI = ("openai:gpt-4o-mini", "openai:gpt-4o")


class Puppet(BaseChatModel):
    """Says what `says` makes of the prompt; it can be no better than that."""

    says: Callable[[str], AIMessage]

    @property
    def _llm_type(self) -> str:
        return "puppet"

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> ChatResult:
        answer = self.says(str(messages[-1].content))
        return ChatResult(generations=[ChatGeneration(message=answer)])

    def with_structured_output(
        self, schema: Any, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[Any, Any]:
        return self | RunnableLambda(lambda raw: {"raw": raw})


class Puppets(ChatModels):
    """The real runbook, and puppets by name."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        self.puppets: dict[str, BaseChatModel] = {}

    async def of(self, name: str) -> BaseChatModel:
        return self.puppets.get(name) or await super().of(name)


class RecordedTools:
    """A tool server in memory: notes every call; a retry or a restart heals."""

    def __init__(self) -> None:
        self.tools = TOOLS
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.lines: list[str] = []
        self.status = "degraded"

    def version(self, tool: str) -> str:
        return "1"

    def takes_key(self, tool: str) -> bool:
        return True

    async def look_up(self, tool: str, key: str) -> Reply | None:
        return Reply(CallStatus.SUCCESS, {"found": False}, "")

    async def call(self, tool: str, args: Mapping[str, Any]) -> Reply:
        given = {k: v for k, v in args.items() if k != "idempotency_key"}
        self.calls.append((tool, given))
        payload: dict[str, Any] = {"result": "done"}
        match tool:
            case "get_stage_metrics":
                ill = self.status != "healthy"
                payload = {"status": self.status, "error_rate_pct": 3.2 if ill else 0.1}
            case "get_recent_errors":
                errors = [{"timestamp": "12:00:00", "message": line} for line in self.lines]
                payload = {"errors": errors}
            case "retry_failed_jobs" | "restart_stage" | "clear_queue":
                self.status = "healthy"
            case "create_incident":
                payload = {"incident_id": "INC-0001", "status": "created", "result": "created"}
        return Reply(CallStatus.SUCCESS, payload, "")


@dataclasses.dataclass
class Played:
    """What one event led to."""

    calls: list[tuple[str, dict[str, Any]]]
    state: dict[str, Any]
    asked_a_person: bool

    @property
    def tools(self) -> list[str]:
        return [tool for tool, _ in self.calls]


class World:
    """Plays events, one after the other."""

    def __init__(self, folder: Path, secrets: list[str] | None = None) -> None:
        quick = {"retry_delay: 500ms": "retry_delay: 1ms", "tries: 2": "tries: 1"}
        config = edited_config(folder / "config", {"models.yaml": quick})
        with mock.patch.dict("os.environ", {"OBSERVER_MODELS": "openai"}):
            self.configuration = load_configuration(config, folder / "var")
        self.database = Database(folder / "observer.db")
        self.mcp = RecordedTools()
        redactor = Redactor(secrets or [])
        journal = Journal(redactor)
        spans = Spans(self.database)
        ledger = Ledger(self.database, journal, spans)
        approvals = Approvals(self.database, journal)
        per_run = self.configuration.observer.budget.max_tool_calls_per_run
        holds = Holds(self.database, journal)
        day = today(self.database, journal, holds)
        watch = run_health(self.database, journal)
        self.dispatcher = Dispatcher(
            self.mcp,  # type: ignore[arg-type]
            ledger,
            approvals,
            Policy(
                self.configuration.autonomy,
                self.configuration.caps,
                self.configuration.tree,
                ledger,
                Patience(Events(self.database)),
            ),
            holds,
            watch,
            Budgets(ledger, RunBudget(per_run), day, ()),
            redactor,
            reads_valid_for_s=900.0,
        )
        self.money = Money(day, Spending(self.database, journal, ()))
        self.chat_models = Puppets(self.configuration)
        self.models = Models(
            self.configuration,
            spans,
            journal,
            redactor,
            holds,
            watch,
            self.money,
            self.chat_models,
        )
        memory = Memory(self.database, journal, self.configuration.known_errors)
        rows = self.configuration.known_error_rows
        doors: dict[str, Any] = {
            "configuration": self.configuration,
            "database": self.database,
            "journal": journal,
            "redactor": redactor,
            "spans": spans,
            "steps": Steps(spans),
            "ledger": ledger,
            "kill_switch": KillSwitch(self.database, journal),
            "holds": holds,
            "today": day,
            "claims": Claims(self.configuration.tree),
            "approvals": approvals,
            "memory": memory,
            "session_views": SessionViews(self.database),
            "learned": Learned(self.database, journal, memory, rows),
            "mcp": self.mcp,
            "dispatcher": self.dispatcher,
            "models": self.models,
            "runbook": self.configuration.runbook,
            "escalation": self.configuration.escalation,
            "tree": self.configuration.tree,
        }
        absent = {f.name: None for f in dataclasses.fields(Services) if f.name not in doors}
        self.services = Services(**doors, **absent)
        self.graph = build_graph(self.services, InMemorySaver(serde=serializer()))
        self.serial = itertools.count()

    async def open(self) -> World:
        await self.database.open()
        return self

    async def close(self) -> None:
        await self.database.close()

    async def play(
        self,
        event: dict[str, Any],
        says: Callable[[str], AIMessage],
        *,
        lines: tuple[str, ...] = ("Worker 7 lost its lease on shard 12",),
        status: str = "degraded",
    ) -> Played:
        """One event from its beginning to its end, or to a question."""
        for name in OPENAI:
            self.chat_models.puppets[name] = Puppet(says=says)
        self.mcp.calls.clear()
        self.mcp.lines, self.mcp.status = list(lines), status
        number = next(self.serial)
        whole = Event(event_id=f"e-{number}", session_id=f"s-{number}", **event)
        state = await self.graph.ainvoke(
            {"event": whole.model_dump(mode="json")},
            {
                "configurable": {"thread_id": str(number), "trace_id": f"t-{number}"},
                "recursion_limit": 200,
            },
        )
        return Played(list(self.mcp.calls), state, "__interrupt__" in state)
