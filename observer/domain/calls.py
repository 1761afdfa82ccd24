"""What is asked of a tool, and what came back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from observer.domain.event import Incident, digest


class Purpose(StrEnum):
    """Why a call is made: it decides which rules hold for it."""

    READ = "read"
    REMEDY = "remedy"
    NOTIFY = "notify"


class CallStatus(StrEnum):
    """How a call ended."""

    SUCCESS = "success"
    ERROR = "error"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Call:
    """A tool and its arguments, without the idempotency key, which the dispatcher adds."""

    tool: str
    args: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def input_hash(self) -> str:
        """Identity of the tool and its arguments, whatever their order."""
        return digest(self.tool, json.dumps(self.args, sort_keys=True, default=str))


@dataclass(frozen=True)
class Observation:
    """A call's recorded result. The payload lies in the ledger under `key`."""

    key: str
    tool: str
    status: CallStatus
    summary: str

    @property
    def ok(self) -> bool:
        """Whether the call did what was asked."""
        return self.status is CallStatus.SUCCESS


@dataclass(frozen=True)
class Reading:
    """One look: a call that changes nothing, and the key it is recorded under."""

    key: str
    call: Call


@dataclass(frozen=True)
class Run:
    """One invocation of the graph for an incident: what every record is tagged with."""

    incident: Incident
    trace_id: str
    step: int
    """LangGraph's superstep: siblings that run in parallel share it."""
    span_id: str
    """The span of the step, parent of what happens in it."""
    resumed: bool = False
    """Whether this run goes on with what an earlier one began."""
