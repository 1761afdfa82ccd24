"""The graph, built once for server, Studio and tests: every node, every arrow, and its doors."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.errors import GraphBubbleUp
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from graph import routes
from graph.state import CHECKPOINTED, Look, ObserverInput, ObserverState, run_of
from nodes.classify import classify
from nodes.close import close
from nodes.diagnose import diagnose
from nodes.escalate import escalate
from nodes.investigate import investigate
from nodes.learn import learn
from nodes.look_up_known_error import look_up_known_error
from nodes.observe import observe
from nodes.remediate import remediate
from nodes.seek_approval import seek_approval
from nodes.verify import verify
from observer.domain.calls import Run
from observer.errors import ObserverError, StepFailed
from observer.records.spans import new_id
from observer.services import Services

Verb = Callable[..., Awaitable[dict[str, Any]]]


def build_graph(
    services: Services, checkpointer: BaseCheckpointSaver[Any] | None = None
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Compile the runbook's drawing with the given doors."""
    builder = StateGraph(ObserverState, input_schema=ObserverInput)
    for verb in (
        classify,
        investigate,
        look_up_known_error,
        diagnose,
        seek_approval,
        remediate,
        verify,
        escalate,
        learn,
        close,
    ):
        builder.add_node(verb.__name__, _bind(verb, services))
    builder.add_node("observe", _bind(observe, services), input_schema=Look)

    builder.add_edge(START, "classify")
    builder.add_conditional_edges(
        "classify",
        routes.after_classify,
        {"INFO": "close", "WARNING or CRITICAL": "investigate"},
    )
    builder.add_conditional_edges(
        "investigate",
        routes.after_investigate,
        {
            "observe": "observe",
            "nothing more to read": "look_up_known_error",
            "recovered": "close",
        },
    )
    builder.add_edge("observe", "investigate")
    builder.add_conditional_edges(
        "look_up_known_error",
        routes.after_look_up,
        {
            "known": "seek_approval",
            "novel": "diagnose",
            "nothing to repair here": "escalate",
        },
    )
    builder.add_conditional_edges(
        "diagnose",
        routes.after_diagnose,
        {"needs a reading": "investigate", "remedy": "seek_approval", "not proven": "escalate"},
    )
    builder.add_conditional_edges(
        "seek_approval",
        routes.after_seek_approval,
        {
            "allowed or approved": "remediate",
            "refused, rejected, expired, or about to ask": "escalate",
        },
    )
    builder.add_conditional_edges(
        "remediate", routes.after_remediate, {"next step": "remediate", "done": "verify"}
    )
    builder.add_conditional_edges(
        "verify",
        routes.after_verify,
        {
            "look again": "verify",
            "roll back": "remediate",
            "still failing": "diagnose",
            "healthy or spent": "escalate",
        },
    )
    builder.add_conditional_edges(
        "escalate",
        routes.after_escalate,
        {"next channel": "escalate", "approval due": "seek_approval", "told": "learn"},
    )
    builder.add_edge("learn", "close")
    builder.add_edge("close", END)
    return builder.compile(checkpointer=checkpointer)


def serializer() -> Any:
    """A checkpoint serializer that brings back our listed types and no others."""
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    allowed = [(kind.__module__, kind.__name__) for kind in CHECKPOINTED]
    return JsonPlusSerializer(allowed_msgpack_modules=allowed)


def _bind(verb: Verb, services: Services) -> Any:
    """Give a node the doors that its signature names, and its step a span."""
    doors = {field.name: getattr(services, field.name) for field in fields(Services)}
    wanted = inspect.signature(verb).parameters
    given = {name: doors[name] for name in wanted if name in doors}
    name = verb.__name__

    async def node(state: Any, config: RunnableConfig) -> dict[str, Any]:
        run = run_of(state, config, new_id())
        extra: dict[str, Any] = {"run": run} if "run" in wanted else {}
        if "config" in wanted:
            extra["config"] = config
        step = await services.steps.begin(run, name, leads=verb is not observe)
        try:
            update = await verb(state, **given, **extra)
        except GraphBubbleUp:
            ruling = state.get("ruling")
            asked = ruling.reason if ruling else "a person is asked"
            services.steps.end(step, "waiting", services.redactor.note(asked))
            _note(services, name, run, {"because": asked})
            raise
        except Exception as error:
            # Whoever runs the graph, Studio too: a run that fails holds no node any longer.
            services.claims.release(run.incident.event_key)
            why = services.redactor.note(f"{type(error).__name__}: {error}")
            services.steps.end(step, "error", why)
            _note(services, name, run, {"because": why.value})
            if not why.rules:
                raise
            # The checkpointer writes down what a node raises. Of ours the kind decides what
            # follows, and must stay.
            if isinstance(error, ObserverError):
                error.args = (services.redactor.text(str(error)),)
                raise
            raise StepFailed(why.value) from None
        services.steps.end(step, "success", services.redactor.note(update.get("because", "")))
        _note(services, name, run, update)
        return update

    node.__name__ = name
    return node


def _note(services: Services, name: str, run: Run, update: dict[str, Any]) -> None:
    """The journal's line on what a node decided, and why."""
    because = update.get("because", "")
    if not because:
        return
    incident, (kind, more) = run.incident, _decided(name, update)
    services.spans.later(
        lambda connection: services.journal.append(
            connection,
            kind,
            tenant_id=incident.tenant_id,
            session_id=incident.session_id,
            trace_id=run.trace_id,
            node=name,
            step=run.step,
            because=because,
            **more,
        )
    )


def _decided(name: str, update: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The kind of the journal's line on a node's decision, and what it says beside the reason."""
    if name == "classify" and "incident" in update:
        return "classified", {"severity": update["incident"].severity}
    if name == "seek_approval" and "ruling" in update:
        return "ruling", {"ruling": update["ruling"].kind}
    if name == "seek_approval" and "approval" in update:
        return "ruling", {"ruling": update["approval"]}
    return "decision", {}
