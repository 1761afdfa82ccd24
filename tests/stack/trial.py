"""One fault, from its beginning to the end of the incident, and what everybody's own log says."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.observer_process import ObserverProcess
from tests.stack.faults import Fault
from tests.stack.part import wait_until
from tests.stack.pipeline_stack import PipelineStack

LIMIT_S = 60.0
NOTED = "acknowledged"
"""A session of nothing but a resolved alert."""
ENDS = ("resolved", "escalated", "failed")
LOOKS = {
    *("auth", "hello", "ping", "select", "info", "get", "set", "config|get", "client|setname"),
    *("client|setinfo", "client|list", "client|id", "latency|latest", "latency|histogram"),
    *("slowlog|len", "slowlog|get", "memory|stats", "command"),
}
"""What the pipeline, its exporters and every look ask of Redis."""
IN_REDIS = {"redis_kill_idle_clients": "client|kill", "redis_config_set": "config|set"}
"""What a change is in Redis' own words."""


@dataclass(frozen=True)
class Trial:
    """What became of a fault."""

    sessions: list[dict[str, Any]]
    """The incident, and those of alerts that came when it had been healed."""
    outcome: str
    """How the incident ended first."""
    seconds: float
    """From the fault to that end."""
    changes: dict[str, int]
    """What was asked of Redis that is no look, by Redis' own count, until that end."""
    spawned: list[str]
    """The processes that supervisord started meanwhile, by its own log."""
    tickets: list[str]
    """What people were told, by ticket."""

    @property
    def session(self) -> dict[str, Any]:
        """The one incident."""
        assert len(self.sessions) == 1, self.sessions
        return self.sessions[0]

    @property
    def acts(self) -> list[str]:
        """The changes that the observer made, by its ledger."""
        return [
            row["tool_name"]
            for session in self.sessions
            for row in session["transitions"]
            if row["tool_name"].startswith(("restart", "redis_", "container_", "rollout"))
        ]


def wrong(trial: Trial, fault: Fault) -> list[str]:
    """What is not as it should be, a line each."""
    session, *late = trial.sessions
    named = {IN_REDIS[act] for act in fault.acts if act in IN_REDIS}
    facts = {
        "what came late": ([s["outcome"] for s in late], ["resolved"] * len(late)),
        "outcome": (trial.outcome, fault.outcome),
        "tickets": (len(trial.tickets), 1),
        "changes by the ledger": (trial.acts, list(fault.acts)),
        "changes by Redis' count": (set(trial.changes), named),
        "started by supervisord": (trial.spawned, [fault.process] if fault.process else []),
    }
    found = [f"{what}: {is_}, not {due}" for what, (is_, due) in facts.items() if is_ != due]
    story = "".join([*trial.tickets, session["report"]])
    return found + [f"nobody is told {w!r}" for w in (fault.cause, fault.says) if w not in story]


def attempt(stack: PipelineStack, observer: ObserverProcess, fault: Fault) -> Trial:
    """Inflict a fault on a good day, wait for the incident's end, and leave a good day."""
    stack.wait_until_well()
    observer.wait_until_idle()
    before = set(_incidents(observer))
    told = len(stack.github.issues)
    commands, started = stack.redis_commands(), time.monotonic()
    try:
        fault.inflict(stack)
        written = len(stack.supervisord_log())
        if fault.passes is not None:
            wait_until(partial(_walked, observer, before), "the tree is walked", LIMIT_S)
            fault.passes(stack)
        wait_until(lambda: _ended(observer, before), "the incident ends", LIMIT_S)
        seconds = time.monotonic() - started
        outcome = _ended(observer, before)
        after, log = stack.redis_commands(), stack.supervisord_log()[written:]
        if fault.outcome == "resolved":
            stack.wait_until_well()
        for alert in fault.alerts:
            wait_until(partial(_heard, observer, before, alert), f"{alert} is told")
        observer.wait_until_idle()
    finally:
        fault.undo(stack)
    stack.wait_until_well()
    observer.wait_until_idle()
    new = [i for i in reversed(_incidents(observer)) if i not in before]
    return Trial(
        sessions=[observer.session(session_id) for session_id in new],
        outcome=outcome,
        seconds=seconds,
        changes={
            name: calls - commands.get(name, 0)
            for name, calls in after.items()
            if calls > commands.get(name, 0) and name not in LOOKS
        },
        tickets=[issue["body"] for issue in stack.github.issues[told:]],
        spawned=[line.split("'")[1] for line in log if line.startswith("spawned:")],
    )


def _incidents(observer: ObserverProcess) -> dict[str, str]:
    """Status by session, the newest first, without what was only noted."""
    rows = observer.get("/sessions?limit=500")["sessions"]
    return {row["session_id"]: row["status"] for row in rows if row["status"] != NOTED}


def _new(observer: ObserverProcess, before: set[str]) -> list[dict[str, Any]]:
    return [observer.session(i) for i in _incidents(observer) if i not in before]


def _walked(observer: ObserverProcess, before: set[str]) -> bool:
    """Whether the walk is over: then logs are read."""
    new = _new(observer, before)
    return any(row["tool_name"] == "query_logs" for s in new for row in s["transitions"])


def _heard(observer: ObserverProcess, before: set[str], alert: str) -> bool:
    new = _new(observer, before)
    return any(event["message"].startswith(alert) for s in new for event in s["events"])


def _ended(observer: ObserverProcess, before: set[str]) -> str:
    """How the first of the new ones ended that has ended."""
    new = [status for i, status in reversed(_incidents(observer).items()) if i not in before]
    return next((status for status in new if status in ENDS), "")
