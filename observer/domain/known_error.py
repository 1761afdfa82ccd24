"""Known errors: a log pattern, a node and a metric condition, all three (seed 002)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from observer.domain.conditions import Condition, Truth
from observer.domain.patterns import compile_pattern
from observer.domain.remedy import Remedy


@dataclass(frozen=True)
class Signature:
    """What an occurrence looks like. `pattern` is RE2: linear time, no look-around."""

    pattern: str
    node: str
    condition: Condition | None


@dataclass(frozen=True)
class KnownError:
    """A pattern that was seen before, and the fix that held."""

    id: str
    signature: Signature
    root_cause: str
    fix_type: str
    """`automated`, `wait_and_verify` or `escalate`."""
    remedy: Remedy | None
    severity: str
    occurrence_count: int = 0
    """How often it was met before its file was written; what happened since is in the memory."""
    first_seen: float | None = None
    """As Unix time, as is `last_seen`."""
    last_seen: float | None = None
    resolution_time_avg_s: float | None = None


@dataclass(frozen=True)
class Match:
    """Whether a known error explains what was observed, and why or why not."""

    known_error: KnownError
    matched: bool
    reason: str
    line: str | None = None
    """The log line that its pattern matched: untrusted text, so in no reason."""
    nearness: int = 0
    """Of a miss: 2 where the log pattern holds, 1 where the metric condition does."""


def match(
    known: KnownError, *, node: str, lines: Iterable[str], metrics: Mapping[str, Any]
) -> Match:
    """Compare one known error with what was observed on one node."""
    signature = known.signature
    if signature.node != node:
        return Match(known, False, f"{known.id} is about {signature.node}, not {node}")
    regex = compile_pattern(signature.pattern)
    read = list(lines)
    line = next((line for line in read if regex.search(line)), None)
    return explain(known, line, read=len(read), metrics=metrics)


def explain(known: KnownError, line: str | None, *, read: int, metrics: Mapping[str, Any]) -> Match:
    """Rule on a known error of the node: `line` is the first that its pattern matches."""
    node, condition = known.signature.node, known.signature.condition
    truth, seen = (None, "") if condition is None else condition.judge(metrics)
    if line is None:
        reason = f"{known.id}: no recent line of {node} matches its log pattern ({read} read)"
        if truth is not None:
            reason = f"{reason}; {seen} is {truth}"
        return Match(known, False, reason, nearness=int(truth is Truth.TRUE))
    if truth is None:
        return Match(known, True, f"{known.id}: log pattern and node match", line)
    if truth is Truth.TRUE:
        return Match(known, True, f"{known.id}: log pattern and node match, and {seen}", line)
    reason = f"{known.id}: log pattern matches but {seen} is {truth}"
    return Match(known, False, reason, line, nearness=2)
