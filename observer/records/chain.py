"""The journal's hash chain, over its files alone: is every line there, and as it was written?

The files cannot tell that their own end is missing. The anchor can: the number and hash of the
last line that left the outbox, kept in observer.db by the transaction that forgot its row.
"""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from observer.records.keyring import WITHOUT_KEY, Keyring

GENESIS = "0" * 64
_sorted_json = json.JSONEncoder(sort_keys=True).encode
_plain_json = json.JSONEncoder().encode
_first_value = json.JSONDecoder().raw_decode


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
    keyed: int = 0
    """How many of the lines are chained with a key."""

    @property
    def keyed_from(self) -> int | None:
        """Of a whole journal, the first line that is chained with a key: from it on all are."""
        return self.lines - self.keyed + 1 if self.keyed else None


@dataclass(frozen=True, slots=True)
class _Read:
    seq: float
    """Where the line belongs; where it cannot be read, after the one before it."""
    file: str
    line: dict[str, Any] | None


def line_hash(line: dict[str, Any], keyring: Keyring = WITHOUT_KEY) -> str:
    """The hash of a journal line: of everything in it but the hash itself.

    Raises:
        KeyError: the keyring does not hold the key that the line names.
    """
    body = {name: value for name, value in line.items() if name != "hash"}
    return keyring.digest(_sorted_json(body).encode(), line.get("key_id"))


def verify(
    folder: Path,
    anchor: tuple[int, str] | None = None,
    keyring: Keyring = WITHOUT_KEY,
    keyed_from: int | None = None,
) -> Verdict:
    """Read every line of every file once; with an anchor, the journal's end is checked, too.

    With `keyed_from`, a line of that number or a higher one must be chained with a key, and the
    journal must have come so far.
    """
    seq, digest, keyed = 0, GENESIS, 0
    oldest_key = keyring.age(None)
    for read in _in_order(folder):
        line = read.line
        if line is None:
            return Verdict(seq, Fault(seq + 1, read.file, "cannot be read"), keyed)
        age = keyring.age(line.get("key_id"))
        reason = _misplaced(line, seq + 1) or _miskeyed(line, age, oldest_key)
        if reason is None and line.get("hash") != line_hash(line, keyring):
            reason = "was changed"
        if reason is None and line.get("prev_hash") != digest:
            reason = "does not follow the line before it"
        if (
            reason is None
            and line.get("key_id") is None
            and line["seq"] >= (keyed_from or math.inf)
        ):
            reason = f"has no key, and all from line {keyed_from} on have one"
        if reason is not None:
            return Verdict(seq, Fault(seq + 1, read.file, reason), keyed)
        seq, digest, oldest_key = line["seq"], line["hash"], age
        keyed += line.get("key_id") is not None
        if anchor is not None and anchor[0] == seq and anchor[1] != digest:
            reason = "is not the line that the records remember"
            return Verdict(seq - 1, Fault(seq, read.file, reason), keyed)
    if anchor is not None and seq < anchor[0]:
        reason = f"is missing: the journal went on to line {anchor[0]}"
        return Verdict(seq, Fault(seq + 1, None, reason), keyed)
    if keyed_from is not None and seq < keyed_from:
        reason = f"is missing: the journal came to line {keyed_from}, with a key"
        return Verdict(seq, Fault(seq + 1, None, reason), keyed)
    return Verdict(seq, None, keyed)


def _misplaced(line: dict[str, Any], seq: int) -> str | None:
    if line["seq"] > seq:
        return f"is missing: line {line['seq']} follows"
    if line["seq"] < seq:
        return f"is missing: line {line['seq']} stands there once more"
    return None


def _miskeyed(line: dict[str, Any], age: int | None, oldest: int | None) -> str | None:
    """Going back to an older key, or to none, is how a forger without the newest would go on."""
    if age is None:
        return f"is chained with the key {line['key_id']}, which was not given"
    if oldest is not None and age > oldest:
        return "is chained with no key or an older one, unlike the line before it"
    return None


def _in_order(folder: Path) -> Iterator[_Read]:
    """Every line by its number, with no more files open at once than overlap.

    Not by the files' names: a clock set back over midnight writes to an older one.
    """
    waiting: list[tuple[float, int, _Read | None, Iterator[_Read]]] = []
    for number, path in enumerate(sorted(folder.glob("*.jsonl"))):
        if (first := next(_lines(path), None)) is not None:
            waiting.append((first.seq, number, None, _lines(path)))
    heapq.heapify(waiting)
    while waiting:
        _, number, read, lines = heapq.heappop(waiting)
        until = waiting[0][0] if waiting else math.inf
        read = read or next(lines, None)
        while read is not None and read.seq <= until:
            yield read
            read = next(lines, None)
        if read is not None:
            heapq.heappush(waiting, (read.seq, number, read, lines))


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
        written = text.decode("ascii")
        line, _ = _first_value(written)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or type(line.get("seq")) is not int:
        return None
    return line if _plain_json(line) + "\n" == written else None
