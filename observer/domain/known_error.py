"""Known errors: a log pattern, a node and a metric condition, all three (seed 002)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import re2  # pyright: ignore[reportMissingTypeStubs]

from observer.domain.conditions import Condition, Truth
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


@dataclass(frozen=True)
class Match:
    """Whether a known error explains what was observed, and why or why not."""

    known_error: KnownError
    matched: bool
    reason: str


class Pattern(Protocol):
    """A compiled RE2 pattern."""

    def search(self, text: str) -> object | None:
        """The first occurrence, or None."""
        ...


@lru_cache(maxsize=4096)
def compile_pattern(pattern: str) -> Pattern:
    """Compile with RE2, quietly.

    Raises:
        ValueError: RE2 does not accept the pattern.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    compiler: Any = re2
    try:
        return compiler.compile(pattern, options)
    except compiler.error as error:
        raise ValueError(
            f"{pattern!r} is not an RE2 pattern (no look-around, no backreferences): {error}"
        ) from error


def match(
    known: KnownError, *, node: str, lines: Iterable[str], metrics: Mapping[str, Any]
) -> Match:
    """Compare one known error with what was observed on one node."""
    signature = known.signature
    if signature.node != node:
        return Match(known, False, f"{known.id} is about {signature.node}, not {node}")
    regex = compile_pattern(signature.pattern)
    line = next((line for line in lines if regex.search(line)), None)
    if line is None:
        return Match(known, False, f"{known.id}: no recent line of {node} matches its log pattern")
    if signature.condition is None:
        return Match(known, True, f"{known.id}: log pattern and node match")
    truth, seen = signature.condition.judge(metrics)
    if truth is Truth.TRUE:
        return Match(known, True, f"{known.id}: log pattern and node match, and {seen}")
    return Match(known, False, f"{known.id}: log pattern matches but {seen} is {truth}")
