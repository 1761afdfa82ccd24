"""What one session knows: small typed values; payloads lie in the ledger, by reference."""

from __future__ import annotations

from typing import Annotated, Any

from langchain_core.runnables import RunnableConfig
from typing_extensions import TypedDict

from observer.domain.calls import Call, CallStatus, Observation, Reading, Run
from observer.domain.event import Event, Incident, Severity
from observer.domain.remedy import (
    ApprovalState,
    Check,
    Diagnosis,
    Remedy,
    Ruling,
    RulingKind,
    Verdict,
    Wait,
)

CHECKPOINTED: tuple[type, ...] = (
    ApprovalState,
    Call,
    CallStatus,
    Check,
    Diagnosis,
    Incident,
    Observation,
    Reading,
    Remedy,
    Ruling,
    RulingKind,
    Severity,
    Verdict,
    Wait,
)
"""The only types of ours that a checkpoint may bring back to life."""


def gather(known: list[Observation], new: list[Observation] | None) -> list[Observation]:
    """Parallel looks add up; None begins a new run."""
    return [] if new is None else [*known, *new]


class ObserverInput(TypedDict):
    """What a run starts with: one event, in the native format."""

    event: dict[str, Any]


class ObserverState(ObserverInput):
    """Every field is set by `classify`; a session's later runs begin afresh."""

    incident: Incident
    because: str
    """The reason of the last decision: what journal, span and person read."""
    walk: list[str] | None
    """What the walk down the tree found, a fact a line; None before its end."""
    path: list[str]
    """The ill nodes of the walk, the cause first."""
    doubts: list[str]
    """Nodes that may be the cause instead, because they could not be looked at."""
    settled: bool
    """No node was ill at the first look, so it is looked a second time."""
    recovered: bool
    """It healed by itself: at the second look, or while a remedy waited."""
    promises: list[str]
    """The metrics whose promise was not seen to be kept, and counts."""
    before: list[str]
    after: list[str]
    """The evidence of cause and promises, and of the last look that was to prove healing."""
    groups_read: int
    plan: list[Reading]
    observations: Annotated[list[Observation], gather]
    near_misses: list[str]
    known_error: str | None
    diagnosis: Diagnosis | None
    asked: list[str]
    tried: list[str]
    remedy: Remedy | None
    steps_done: int
    step_failed: bool
    wait_until: float | None
    """When the wait that a step has begun is over, as Unix time."""
    rolling_back: str | None
    """Why the remedy that was carried out is being undone."""
    rolled_back: list[str]
    """What was undone, a remedy a line, for people."""
    waits: int
    """How often the remedy waited until the failure had lasted long enough."""
    look_again: bool
    """Whether to look, before anything is done, at what may have healed meanwhile."""
    spared: bool
    """Another session healed the node first, so nothing was done here."""
    ruling: Ruling | None
    approval: ApprovalState
    checks: int
    healthy: bool | None
    ideas: int
    """Remedies that were tried and did not hold."""
    ending: str
    """The reason people are told."""
    to_tell: list[str] | None
    failed: list[str]
    told: list[str]
    incident_id: str | None
    outcome: str | None
    report: str | None


class Look(TypedDict):
    """What `observe` is sent: one reading of the plan."""

    incident: Incident
    reading: Reading


FRESH: dict[str, Any] = {
    "walk": None,
    "path": [],
    "doubts": [],
    "settled": False,
    "recovered": False,
    "promises": [],
    "before": [],
    "after": [],
    "groups_read": 0,
    "plan": [],
    "observations": None,
    "near_misses": [],
    "known_error": None,
    "diagnosis": None,
    "asked": [],
    "tried": [],
    "remedy": None,
    "steps_done": 0,
    "step_failed": False,
    "wait_until": None,
    "rolling_back": None,
    "rolled_back": [],
    "waits": 0,
    "look_again": False,
    "spared": False,
    "ruling": None,
    "approval": ApprovalState.NONE,
    "checks": 0,
    "healthy": None,
    "ideas": 0,
    "ending": "",
    "to_tell": None,
    "failed": [],
    "told": [],
    "incident_id": None,
    "outcome": None,
    "report": None,
}
"""The state at the beginning of a run."""


def event_of(raw: dict[str, Any], config: RunnableConfig) -> Event:
    """The event of a run; what Studio leaves out is filled from its thread and run."""
    thread = str(config.get("configurable", {}).get("thread_id", "studio"))
    defaults = {"session_id": thread, "event_id": trace_id_of(config)}
    return Event.model_validate({**defaults, **raw})


def trace_id_of(config: RunnableConfig) -> str:
    """The run's trace id: the worker's, or in Studio its run id."""
    configurable = config.get("configurable", {})
    metadata = config.get("metadata", {})
    return str(configurable.get("trace_id") or metadata.get("run_id") or "studio")


def run_of(state: ObserverState | Look, config: RunnableConfig, span_id: str) -> Run:
    """What records are tagged with during one step."""
    incident = state.get("incident")
    if "event" in state:
        event = event_of(state["event"], config)
        if incident is None or incident.event_key != event.key:
            incident = incident_of(event, event.severity or Severity.WARNING, "not yet classified")
    assert incident is not None  # noqa: S101  a Look always has one
    return Run(
        incident=incident,
        trace_id=trace_id_of(config),
        step=int(config.get("metadata", {}).get("langgraph_step", 0)),
        span_id=span_id,
        resumed=bool(config.get("configurable", {}).get("resumed", True)),
    )


def incident_of(event: Event, severity: Severity, reason: str) -> Incident:
    """The facts of a run, once its severity is known."""
    return Incident(
        tenant_id=event.tenant_id,
        session_id=event.session_id,
        event_id=event.event_id,
        event_key=event.key,
        stage=event.stage,
        message=event.message,
        severity=severity,
        severity_reason=reason,
        feature=event.feature,
    )
