"""What came in: one event, and the incident it opens."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.:-]*$"
"""Stages, tenants and ids: no spaces, slashes, quotes, leading dashes or control characters."""

NAME_LIMIT = 100
"""The longest name, in characters."""

THREAD_NAMESPACE = uuid.UUID("6f1f4a4e-3f0b-5d0a-9c63-0b5f1c0e7a11")


class Severity(StrEnum):
    """How much it hurts: acknowledge, look into it, wake somebody."""

    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        """Order of urgency, 0 for INFO."""
        return list(Severity).index(self)


class Event(BaseModel):
    """One event as the rest of the observer sees it, whatever format it came in."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    tenant_id: str = "default"
    session_id: str
    source: str = "native"
    severity: Severity | None = None
    stage: str
    message: str
    feature: str = "pipeline_observer"
    occurred_at: datetime | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(default_factory=dict)
    depth: int = 0
    """How many outcomes led to it, one after the other. Only the observer itself says so."""
    subject: str | None = None
    """What goes on, where the source numbers no occurrences: the event's id then ends in one."""
    redacted: list[str] = Field(default_factory=list)
    """The rules that took something out of its texts before it was first written."""

    @property
    def key(self) -> str:
        """The delivery's identity for good: the same tenant, source and event id."""
        return digest(self.tenant_id, self.source, self.event_id)


@dataclass(frozen=True)
class Incident:
    """The facts of one run that every node may rely on, fixed by `classify`."""

    tenant_id: str
    session_id: str
    event_id: str
    event_key: str
    stage: str
    message: str
    severity: Severity
    severity_reason: str
    feature: str

    def key(self, *parts: object) -> str:
        """An idempotency key: raw stable facts and a position, never anybody's wording."""
        where = "/".join(map(str, parts))
        return f"{self.tenant_id}/{self.session_id}/{self.event_key[:16]}/{where}"


def digest(*parts: str) -> str:
    """A short stable identity of some strings: 32 hexadecimal digits."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def thread_id(tenant_id: str, session_id: str) -> str:
    """LangGraph's thread of a session. A UUID, because Studio accepts nothing else."""
    return str(uuid.uuid5(THREAD_NAMESPACE, f"{tenant_id}\x1f{session_id}"))
