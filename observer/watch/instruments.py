"""What is counted in memory since the process began, where each thing is recorded anyway.

Every label is bounded: by the configuration, the drawing or a list in the code. Who is in none of
them counts as `other`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from observer.domain.event import Event, Severity
from observer.domain.span import FINAL_RESPONSE, Span, SpanKind
from observer.records.events import StoredEvent
from observer.services import Services
from observer.sources import SOURCES

OTHER = "other"
_ENDS_AT_ONCE = {"done": "acknowledged", "joined": "joined"}

_RUN_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
_STEP_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_TOOL_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_MODEL_S = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 12, 20, 30, 60)
_EVENT_S = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600, 14400)


@dataclass(frozen=True)
class Known:
    """The names that may stand in a label."""

    tools: Collection[str]
    notices: Collection[str]
    """The tools that tell people."""
    models: Collection[str]
    sources: Collection[str]


class Instruments:
    """Fed by the records, on whichever thread; read by whoever scrapes."""

    def __init__(self, known: Known) -> None:
        # A second series for each of ours, that says when it began, is of no use to anybody.
        disable_created_metrics()
        self._known = known
        self.registry = CollectorRegistry()
        self._handlers: dict[SpanKind, Callable[[Span], None]] = {
            SpanKind.AGENT_STEP: self._step,
            SpanKind.LLM_CALL: self._model,
            SpanKind.TOOL_CALL: self._tool,
        }
        self._accepted = self._counter(
            "observer_events_accepted", "Events that were taken in, by source.", "source"
        )
        self._ended = self._counter(
            "observer_events", "Events that came to their end, by outcome.", "outcome"
        )
        self._event_s = self._histogram(
            "observer_event_duration_seconds",
            "From an event's acceptance to its outcome, by severity; people's time included.",
            _EVENT_S,
            "severity",
        )
        self._run_s = self._histogram(
            "observer_run_duration_seconds",
            "What one run of the graph took, by how it ended.",
            _RUN_S,
            "status",
        )
        self._step_s = self._histogram(
            "observer_step_duration_seconds",
            "What one step of a run took, by node.",
            _STEP_S,
            "node",
        )
        self._tool_calls = self._counter(
            "observer_tool_calls", "Tool calls, by tool and status.", "tool", "status"
        )
        self._tool_s = self._histogram(
            "observer_tool_call_duration_seconds", "What a tool call took.", _TOOL_S, "tool"
        )
        self._notices = self._counter(
            "observer_notifications",
            "Tries to tell people, by status: tickets, chat, pages.",
            "status",
        )
        self._model_calls = self._counter(
            "observer_model_calls", "Model calls, by model and status.", "model", "status"
        )
        self._model_s = self._histogram(
            "observer_model_call_duration_seconds", "What a model call took.", _MODEL_S, "model"
        )
        self._tokens = self._counter(
            "observer_model_tokens",
            "Tokens that models took and gave, by model and direction.",
            "model",
            "direction",
        )
        self._cost = self._counter(
            "observer_model_cost_usd", "What model calls cost, in US dollars.", "model"
        )

    def span(self, span: Span) -> None:
        """A span is on disk."""
        handler = self._handlers.get(span.span_kind)
        if handler is not None:
            handler(span)

    def arrival(self, event: Event, status: str) -> None:
        """An event is on disk; one that no run is begun for has come to its end."""
        self._accepted.labels(_one_of(self._known.sources, event.source)).inc()
        if status in _ENDS_AT_ONCE:
            self._ended.labels(_ENDS_AT_ONCE[status]).inc()

    def outcome(self, stored: StoredEvent, outcome: str, severity: Severity | None) -> None:
        """An event has its outcome for good."""
        self._ended.labels(outcome).inc()
        seconds = max(0.0, time.time() - stored.accepted_at)
        self._event_s.labels(severity or OTHER).observe(seconds)

    def _step(self, span: Span) -> None:
        if span.name == FINAL_RESPONSE:
            self._run_s.labels(span.result_status).observe(span.latency_ms / 1000)
        else:
            self._step_s.labels(span.name).observe(span.latency_ms / 1000)

    def _tool(self, span: Span) -> None:
        tool = _one_of(self._known.tools, span.name)
        self._tool_calls.labels(tool, span.result_status).inc()
        self._tool_s.labels(tool).observe(span.latency_ms / 1000)
        if span.name in self._known.notices:
            self._notices.labels(span.result_status).inc()

    def _model(self, span: Span) -> None:
        model = _one_of(self._known.models, span.name.removesuffix(":"))
        self._model_calls.labels(model, span.result_status).inc()
        self._model_s.labels(model).observe(span.latency_ms / 1000)
        self._tokens.labels(model, "input").inc(span.input_tokens or 0)
        self._tokens.labels(model, "output").inc(span.output_tokens or 0)
        self._cost.labels(model).inc(span.cost_usd or 0.0)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self.registry)

    def _histogram(
        self, name: str, what: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(name, what, labels, buckets=buckets, registry=self.registry)


def instruments_of(services: Services) -> Instruments:
    """Instruments that these services feed from now on."""
    configuration = services.configuration
    told = configuration.escalation
    notices = {
        notice.tool
        for phase in (told.outcome, told.approval, told.patience)
        for of_severity in phase.values()
        for notice in of_severity
    }
    chains = configuration.models.profiles[configuration.profile].values()
    instruments = Instruments(
        Known(
            tools=frozenset(configuration.autonomy),
            notices=frozenset(notices),
            models=frozenset(name.removesuffix(":") for chain in chains for name in chain),
            sources=frozenset(SOURCES),
        )
    )
    services.spans.listen(instruments.span)
    services.sessions.listen(instruments.arrival)
    services.outcomes.listen(instruments.outcome)
    return instruments


def _one_of(known: Collection[str], name: str) -> str:
    return name if name in known else OTHER
