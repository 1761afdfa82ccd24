"""What is wrong with the observer itself, one fault each, from what `/health` knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from observer.domain.hold import EVERYBODY, Hold, HoldCause
from observer.domain.lifecycle import Lifecycle

LEAST_FREE_BYTES = 50 << 20


class FaultKind(StrEnum):
    """What somebody is told about."""

    FAILED = "failed"
    """Too many events failed in a row: nothing goes on until a person restarts it."""
    SUSPENDED = "suspended"
    """A person holds a tenant, or all."""
    BUDGET = "budget"
    """What a tenant, or all, may use in a day is spent."""
    HEALTH = "health"
    """A run went wrong (stuck, a loop, ...) and was ended, or its tenant is held for it."""
    FROZEN = "frozen"
    """A tenant's runs make no progress: it is frozen."""
    TOOL_SERVER = "tool_server"
    """A tool server is down."""
    INBOX_AGE = "inbox_age"
    """The oldest event waits for too long."""
    JOURNAL = "journal"
    """The journal cannot be written."""
    FILE = "file"
    """A file of the data directory cannot be used."""
    DISK = "disk"
    """The disk is nearly full."""
    HEARTBEAT = "heartbeat"
    """The worker's heartbeat has stopped."""
    DEAD_LETTERS = "dead_letters"
    """Events were given up; told again whenever there are more of them."""


_OF_HOLD = {
    HoldCause.PERSON: FaultKind.SUSPENDED,
    HoldCause.BUDGET: FaultKind.BUDGET,
    HoldCause.HEALTH: FaultKind.HEALTH,
    HoldCause.NO_PROGRESS: FaultKind.FROZEN,
}
_SETTLED = (Lifecycle.RUNNING, Lifecycle.SUSPENDED, Lifecycle.FAILED)


@dataclass(frozen=True)
class Anomaly:
    """A run that went wrong a moment ago."""

    tenant_id: str
    text: str


@dataclass(frozen=True)
class Facts:
    """What is known of the observer at a moment; None: that cannot be said now."""

    state: Lifecycle
    state_reason: str = ""
    holds: tuple[Hold, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    """The oldest first."""
    servers: Mapping[str, str | None] | None = None
    """By tool server: why it is down; None: it is up."""
    oldest_event_age_s: float | None = None
    longest_age_s: float = 900.0
    """How long an event may wait."""
    journal_trouble: str | None = None
    files: Mapping[str, str | None] | None = None
    """By file: why it cannot be used; None: it can."""
    free_bytes: int | None = None
    heartbeat_age_s: float | None = None
    longest_beat_s: float = 30.0
    """How old a heartbeat may be."""
    dead_letters: Mapping[str, int] | None = None
    """How many, by tenant."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong; `kind`, `tenant_id` and `subject` tell it from others."""

    kind: FaultKind
    text: str
    tenant_id: str | None = None
    subject: str = ""
    """Which one: the tool server, the file."""
    count: int = 1
    """How many it stands for: when there are more of them, that is news."""

    @property
    def key(self) -> str:
        """The same for the same fault at another moment."""
        return fault_key(self.kind, self.tenant_id, self.subject)


def fault_key(kind: str, tenant_id: str | None, subject: str) -> str:
    """What tells one fault from another."""
    return f"{kind}/{tenant_id or EVERYBODY}/{subject}"


def faults(facts: Facts) -> list[Fault]:
    """Everything that is wrong."""
    return [fault for part in _PARTS for fault in part(facts)]


def unknown_kinds(facts: Facts) -> set[FaultKind]:
    """Of what it cannot be said now whether it is wrong: what was wrong stays so."""
    known: dict[FaultKind, bool] = {
        # Between two processes nobody has restarted anything yet.
        FaultKind.FAILED: facts.state in _SETTLED,
        FaultKind.TOOL_SERVER: facts.servers is not None and facts.state in _SETTLED,
        FaultKind.INBOX_AGE: facts.oldest_event_age_s is not None,
        FaultKind.FILE: facts.files is not None,
        FaultKind.DISK: facts.free_bytes is not None,
        FaultKind.HEARTBEAT: facts.heartbeat_age_s is not None,
        FaultKind.DEAD_LETTERS: facts.dead_letters is not None,
    }
    return {kind for kind, is_known in known.items() if not is_known}


def _state(facts: Facts) -> Iterator[Fault]:
    if facts.state is Lifecycle.FAILED:
        yield Fault(FaultKind.FAILED, f"the observer has FAILED: {facts.state_reason}")


def _holds(facts: Facts) -> Iterator[Fault]:
    for hold in facts.holds:
        tenant = None if hold.tenant_id == EVERYBODY else hold.tenant_id
        whom = "every tenant" if tenant is None else f"tenant {tenant}"
        yield Fault(_OF_HOLD[hold.cause], f"{whom} is held: {hold.reason}", tenant)


def _anomalies(facts: Facts) -> Iterator[Fault]:
    held = {hold.tenant_id for hold in facts.holds if hold.cause is HoldCause.HEALTH}
    for tenant in dict.fromkeys(anomaly.tenant_id for anomaly in facts.anomalies):
        # Where its tenant is held for it, that is told already.
        if held.isdisjoint((tenant, EVERYBODY)):
            own = [anomaly for anomaly in facts.anomalies if anomaly.tenant_id == tenant]
            yield Fault(FaultKind.HEALTH, own[-1].text, tenant, subject="run", count=len(own))


def _servers(facts: Facts) -> Iterator[Fault]:
    for name, why in (facts.servers or {}).items():
        if why is not None:
            text = f"tool server {name} is down: {why}"
            yield Fault(FaultKind.TOOL_SERVER, text, subject=name)


def _inbox(facts: Facts) -> Iterator[Fault]:
    age = facts.oldest_event_age_s
    if age is not None and age > facts.longest_age_s:
        yield Fault(FaultKind.INBOX_AGE, f"the oldest event waits for {age:.0f} s")


def _journal(facts: Facts) -> Iterator[Fault]:
    if facts.journal_trouble is not None:
        text = f"the journal cannot be written: {facts.journal_trouble}"
        yield Fault(FaultKind.JOURNAL, text)


def _files(facts: Facts) -> Iterator[Fault]:
    for name, why in (facts.files or {}).items():
        if why is not None:
            yield Fault(FaultKind.FILE, why, subject=name)


def _disk(facts: Facts) -> Iterator[Fault]:
    free = facts.free_bytes
    if free is not None and free < LEAST_FREE_BYTES:
        yield Fault(FaultKind.DISK, f"the data directory: only {free} bytes are free")


def _heartbeat(facts: Facts) -> Iterator[Fault]:
    age = facts.heartbeat_age_s
    if age is not None and age > facts.longest_beat_s:
        text = f"no heartbeat for {age:.0f} s: the records do not answer"
        yield Fault(FaultKind.HEARTBEAT, text)


def _dead_letters(facts: Facts) -> Iterator[Fault]:
    for tenant, count in (facts.dead_letters or {}).items():
        if count:
            were = "event was" if count == 1 else "events were"
            text = f"{count} {were} given up: observer dead-letters"
            yield Fault(FaultKind.DEAD_LETTERS, text, tenant, count=count)


_PARTS = (
    _state,
    _holds,
    _anomalies,
    _servers,
    _inbox,
    _journal,
    _files,
    _disk,
    _heartbeat,
    _dead_letters,
)
