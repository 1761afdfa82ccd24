"""Files of one JSON value a line: appended durably, and made whole after a crash in mid-write."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from observer.records.data_dir import sync_directory

Lines = list[tuple[Path, list[str]]]

BATCH = 500
"""Rows that become lines at once."""

_CHUNK_BYTES = 1 << 20
_named: set[Path] = set()
"""Files that this process knows to be on disk under their names."""

logger = logging.getLogger("observer.records")


def add(lines: Lines, path: Path, text: str) -> None:
    """In the order of the rows: a crash between two files must leave no gap behind it."""
    if not lines or lines[-1][0] != path:
        lines.append((path, []))
    lines[-1][1].append(text)


def append(lines: Lines) -> None:
    """Add the lines and wait until they are on disk.

    Raises:
        OSError: the file that failed is as it was; files before it have their lines.
    """
    for path, texts in lines:
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            before = os.fstat(descriptor).st_size
            try:
                _write(descriptor, "".join(text + "\n" for text in texts).encode())
                os.fsync(descriptor)
            except OSError:
                file.truncate(before)
                raise
        if path not in _named:
            # Also a file that was there: who made it may have died before this.
            sync_directory(path.parent)
            _named.add(path)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def watermark(folder: Path, key: str) -> int:
    """The highest number that stands at the end of a file."""
    highest = 0
    for path in folder.glob("*.jsonl"):
        if torn := cut_off_torn_line(path):
            logger.warning("%s: cut off a torn last line of %d bytes", path, torn)
        if (line := last_line(path, {key: int})) is not None:
            highest = max(highest, line[key])
    return highest


def _line_begin(file: BinaryIO, end: int) -> int:
    """Where the line begins that ends before a position; a line may be of any length."""
    while end > 0:
        begin = max(0, end - _CHUNK_BYTES)
        file.seek(begin)
        newline = file.read(end - begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        end = begin
    return 0


def cut_off_torn_line(path: Path) -> int:
    """A line without its end was left by a crash in mid-write; returns how long it was."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        torn = size - _line_begin(file, size)
    if torn:
        os.truncate(path, size - torn)
    return torn


def last_line(path: Path, fields: Mapping[str, type]) -> dict[str, Any] | None:
    """A file's last line, in which these fields stand with exactly these types.

    Raises:
        ValueError: it is no such line.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if not size:
            return None
        begin = _line_begin(file, size - 1)
        file.seek(begin)
        text = file.read()
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        line = None
    if isinstance(line, dict) and all(type(line.get(n)) is t for n, t in fields.items()):
        return line
    raise ValueError(f"the last line of {path} is damaged; move the file out of the folder")
