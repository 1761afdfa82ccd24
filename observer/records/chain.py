"""The journal's hash chain, over its files alone: is every line there, and as it was written?

The files cannot tell that their own end is missing. The anchor can: the number and hash of the
last line that left the outbox, kept in observer.db by the transaction that forgot its row.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GENESIS = "0" * 64


@dataclass(frozen=True)
class Fault:
    """The first line that is not as it was written."""

    seq: int
    file: str | None
    reason: str


@dataclass(frozen=True)
class Verdict:
    """How far the journal is whole, and where it stops being so."""

    lines: int
    fault: Fault | None


@dataclass(frozen=True)
class _Read:
    seq: float
    """Where the line belongs; where it cannot be read, after the one before it."""
    file: str
    line: dict[str, Any] | None


def line_hash(line: dict[str, Any]) -> str:
    """The hash of a journal line: of everything in it but the hash itself."""
    body = {name: value for name, value in line.items() if name != "hash"}
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def verify(folder: Path, anchor: tuple[int, str] | None = None) -> Verdict:
    """Read every line of every file once; with an anchor, the journal's end is checked, too."""
    seq, digest = 0, GENESIS
    # By number, not by the files' names: a clock set back over midnight writes to an older one.
    files = (_lines(path) for path in sorted(folder.glob("*.jsonl")))
    for read in heapq.merge(*files, key=lambda read: read.seq):
        line = read.line
        reason = "cannot be read" if line is None else _wrong(line, seq + 1, digest)
        if line is None or reason is not None:
            return Verdict(seq, Fault(seq + 1, read.file, reason or ""))
        seq, digest = line["seq"], line["hash"]
        if anchor is not None and anchor[0] == seq and anchor[1] != digest:
            reason = "is not the line that the records remember"
            return Verdict(seq - 1, Fault(seq, read.file, reason))
    if anchor is not None and seq < anchor[0]:
        reason = f"is missing: the journal went on to line {anchor[0]}"
        return Verdict(seq, Fault(seq + 1, None, reason))
    return Verdict(seq, None)


def _wrong(line: dict[str, Any], seq: int, digest: str) -> str | None:
    if line["seq"] > seq:
        return f"is missing: line {line['seq']} follows"
    if line["seq"] < seq:
        return f"is missing: line {line['seq']} stands there once more"
    if line.get("hash") != line_hash(line):
        return "was changed"
    if line.get("prev_hash") != digest:
        return "does not follow the line before it"
    return None


def _lines(path: Path) -> Iterator[_Read]:
    before: float | None = None
    unplaced = 0
    with path.open("rb") as file:
        for text in file:
            line = _parsed(text)
            if line is None and before is None:
                unplaced += 1
                continue
            seq = line["seq"] if line is not None else (before or 0) + 1
            for number in range(unplaced, 0, -1):
                yield _Read(seq - number, path.name, None)
            unplaced, before = 0, seq
            yield _Read(seq, path.name, line)
    for _ in range(unplaced):
        yield _Read(math.inf, path.name, None)


def _parsed(text: bytes) -> dict[str, Any] | None:
    """A line exactly as the drain writes it; any other spelling of the same is a change."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or type(line.get("seq")) is not int:
        return None
    return line if json.dumps(line).encode() + b"\n" == text else None
