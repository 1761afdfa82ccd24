"""The truth of `/health`: whether the observer can do its job, and what says so."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from observer.domain.fault import FaultKind, faults
from observer.domain.lifecycle import Lifecycle
from observer.watch.findings import Findings, Sources

_PREVENTS = {
    FaultKind.TOOL_SERVER,
    FaultKind.INBOX_AGE,
    FaultKind.JOURNAL,
    FaultKind.FILE,
    FaultKind.DISK,
    FaultKind.HEARTBEAT,
}
"""What keeps it from its job. A tenant that is held does not: the others go on."""


def reasons(findings: Findings) -> list[str]:
    """Why it cannot do its job; none: it can."""
    facts = findings.facts
    why: list[str] = []
    if facts.state is not Lifecycle.RUNNING:
        why.append(f"{facts.state}: {facts.state_reason}")
    why += [fault.text for fault in faults(facts) if fault.kind in _PREVENTS]
    if findings.records is None and not why:
        why.append("the records do not answer")
    return why


def as_json(findings: Findings, sources: Sources) -> dict[str, Any]:
    """The body of `/health`. What is not known is null, or empty; never guessed."""
    facts, records, services = findings.facts, findings.records, sources.services
    age = facts.oldest_event_age_s
    return {
        "state": facts.state,
        "oldest_event_age_s": None if age is None else round(age, 3),
        "inbox": {} if records is None else records.inbox,
        "mcp_servers": {
            name: {"state": "up" if s.up else "down", "restarts": s.restarts, "error": s.last_error}
            for name, s in services.mcp.servers.items()
        },
        "models": services.models.health(),
        "disk": {"free_bytes": facts.free_bytes},
        **_listening(sources),
        **({"kill_switch": []} if records is None else records.kill_switch),
        "held": [asdict(hold) for hold in facts.holds],
        "budget": services.today.shown(),
        "anomalies": services.run_health.latest(),
        "mission": services.mission.latest,
        "dead_letters": None if records is None else sum(records.dead_letters.values()),
        "consecutive_failures": sources.lifecycle.streak.count,
        "heartbeat": {"age_s": round(sources.heartbeat.age_s, 3)},
        **_told(findings),
        "reasons": reasons(findings),
    }


def _listening(sources: Sources) -> dict[str, Any]:
    if sources.telegram is None:
        return {}
    error = sources.telegram.last_error
    return {"telegram": {"state": "down" if error else "up", "error": error}}


def _told(findings: Findings) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if (alarms := findings.alarms) is not None:
        told["alarms"] = {"waiting": alarms.waiting, "error": alarms.last_error}
    if (switch := findings.dead_man) is not None:
        told["dead_man"] = {"last_ok": switch.last_ok, "error": switch.last_error}
    if findings.mirror is not None:
        told["otlp"] = findings.mirror.facts()
    return told
