"""Files of one JSON value a line without some of their lines: the rest stays as it was written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from observer.records.data_dir import sync_directory

Line = dict[str, Any]


@dataclass(frozen=True)
class Sifted:
    """A copy without them, up to where the file had been read."""

    path: Path
    beside: Path
    read_up_to: int
    removed: int


def of_tenant(tenant_id: str, before: float, kept: frozenset[str]) -> Callable[[bytes], bool]:
    """Whether a line is a tenant's, of none of the sessions that are kept, and old enough.

    A line without a time is as old as its session.
    """
    name = json.dumps(tenant_id).encode()

    def goes(text: bytes) -> bool:
        if name not in text:
            return False
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            return False
        if not isinstance(line, dict) or _tenant_of(line) != tenant_id:
            return False
        at = _time_of(line)
        return line.get("session_id") not in kept and (at is None or at < before)

    return goes


def _tenant_of(line: Line) -> Any:
    told = line.get("input")
    return line.get("tenant_id") or (told.get("tenant_id") if isinstance(told, dict) else None)


def _time_of(line: Line) -> float | None:
    """A span's, or when the event of an eval candidate ended; Unix time."""
    at, ended = line.get("timestamp_ms"), line.get("ended_at")
    if at is not None:
        return at / 1000
    try:
        return None if ended is None else datetime.fromisoformat(ended).timestamp()
    except (TypeError, ValueError):
        return None


def sift(path: Path, goes: Callable[[bytes], bool]) -> Sifted | None:
    """Copy a file without the lines that go; None: none does, and there is no copy.

    Raises:
        OSError: the copy could not be written.
    """
    beside = path.with_name(f".{path.name}.new")
    removed = read = 0
    descriptor = os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        with path.open("rb") as file, os.fdopen(descriptor, "wb") as copy:
            for text in file:
                if not text.endswith(b"\n"):
                    break
                read += len(text)
                if goes(text):
                    removed += 1
                else:
                    copy.write(text)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    if not removed:
        beside.unlink()
        return None
    return Sifted(path, beside, read, removed)


def put_in_place(sifted: Sifted) -> None:
    """Add what the file has got since, and let the copy take its place. Nobody may write to it.

    Raises:
        OSError: it could not be done; the file stands as it was.
    """
    try:
        with sifted.path.open("rb") as file, sifted.beside.open("ab") as copy:
            file.seek(sifted.read_up_to)
            while block := file.read(1 << 20):
                copy.write(block)
            copy.flush()
            os.fsync(copy.fileno())
        sifted.beside.replace(sifted.path)
    except OSError:
        sifted.beside.unlink(missing_ok=True)
        raise
    sync_directory(sifted.path.parent)
