"""Known errors at scale: 10,000 log lines of one node against 10 to 100,000 signatures."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from statistics import mean

from observer.domain.conditions import parse_condition
from observer.domain.known_error import KnownError, Signature
from observer.domain.matching import KnownErrorIndex
from observer.domain.patterns import compile_pattern

NODE = "consumer"
LINES = 10_000
SIZES = (10, 1_000, 10_000, 100_000)
ADDED = 200
_LOOPED_LINES = 20
_LOOPED_SIGNATURES = 10_000
_CONDITION = parse_condition("redis_connected_clients > 280")
_PHRASES = (
    "connection pool exhausted",
    "timeout while reading",
    "partition offset out of range",
    "unknown schema field",
    "worker lost its lease",
    "broker refused leader epoch",
    "memory limit reached",
    "socket closed in handshake",
    "retry queue full",
    "disk quota exceeded",
)


@dataclass(frozen=True)
class Matching:
    """What so many signatures cost."""

    signatures: int
    load_s: float
    lines_per_s: float
    matched: int
    looped_lines_per_s: float | None
    """A plain loop of compiled RE2 patterns; None where that is not worth the wait."""
    add_us: float
    slowest_add_us: float


def known_errors(sizes: tuple[int, ...] = SIZES) -> list[Matching]:
    """Measure each size; one line in a hundred is of a known error."""
    return [_measure(size) for size in sizes]


def _measure(size: int) -> Matching:
    chance = random.Random(size)
    patterns = [_pattern(chance, i) for i in range(size + ADDED)]
    errors = [_known(i, pattern) for i, pattern in enumerate(patterns)]
    lines = [
        _line(patterns[chance.randrange(size)], chance) if i % 100 == 0 else _noise(chance)
        for i in range(LINES)
    ]
    begin = time.thread_time()
    index = KnownErrorIndex(errors[:size])
    load_s = time.thread_time() - begin
    begin = time.thread_time()
    matched = len(index.occurrences(NODE, lines))
    lines_per_s = LINES / (time.thread_time() - begin)
    adds: list[float] = []
    for error in errors[size:]:
        begin = time.thread_time()
        index.add(error)
        adds.append((time.thread_time() - begin) * 1e6)
    looped = _looped(patterns[:size], lines) if size <= _LOOPED_SIGNATURES else None
    return Matching(size, load_s, lines_per_s, matched, looped, mean(adds), max(adds))


def _looped(patterns: list[str], lines: list[str]) -> float:
    compiled = [compile_pattern(pattern) for pattern in patterns]
    begin = time.thread_time()
    for line in lines[:_LOOPED_LINES]:
        for pattern in compiled:
            pattern.search(line)
    return _LOOPED_LINES / (time.thread_time() - begin)


def _known(i: int, pattern: str) -> KnownError:
    signature = Signature(pattern, NODE, _CONDITION)
    return KnownError(f"ke-{i}", signature, "", "escalate", None, "medium")


def _pattern(chance: random.Random, i: int) -> str:
    """Two fixed phrases, something variable, and what tells it from the others."""
    phrases = " ".join(chance.choices(_PHRASES, k=2))
    return rf"{phrases} E{i:06d} .*(id|offset) \d+"


def _line(pattern: str, chance: random.Random) -> str:
    fixed = pattern.split(" .*")[0]
    return f"ERROR {fixed} at {_noise(chance)} id {chance.randrange(10**6)}"


def _noise(chance: random.Random) -> str:
    phrases = " ".join(chance.choices(_PHRASES, k=4))
    return f"INFO {phrases} E{chance.randrange(10**6):06d} took {chance.randrange(1000)} ms"
