"""The journal's lines as they stand in its files: the last ones, and each that is added."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Line = dict[str, Any]
Wanted = Callable[[Line], bool]

_BLOCK_BYTES = 65536


class JournalTail:
    """Reads beside the daemon that writes, or after it; a line that is not whole yet waits."""

    def __init__(self, folder: Path, wanted: Wanted) -> None:
        self._folder = folder
        self._wanted = wanted
        self._sizes: dict[Path, int] = {}
        self._read_up_to: dict[Path, int] = {}

    def last(self, count: int) -> list[Line]:
        """The last wanted lines, in their order."""
        found: list[Line] = []
        for path in sorted(self._folder.glob("*.jsonl"), reverse=True):
            _, end = self._grown(path)
            for text in _backwards(path, end):
                if len(found) >= count:
                    break
                found += self._told(text)
        return sorted(found, key=_place)

    def more(self) -> list[Line]:
        """What was added to any file since the last look: to the next day's, too."""
        found: list[Line] = []
        for path in self._folder.glob("*.jsonl"):
            begin, end = self._grown(path)
            if begin < end:
                with path.open("rb") as file:
                    file.seek(begin)
                    for text in file.read(end - begin).split(b"\n"):
                        found += self._told(text)
        return sorted(found, key=_place)

    def _grown(self, path: Path) -> tuple[int, int]:
        """From where to where a file has whole lines that were not read."""
        begin, size = self._read_up_to.get(path, 0), path.stat().st_size
        if self._sizes.get(path) != size:
            self._sizes[path] = size
            self._read_up_to[path] = _whole_lines(path, size)
        return begin, self._read_up_to[path]

    def _told(self, text: bytes) -> list[Line]:
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            return []  # `verify` names it.
        return [line] if isinstance(line, dict) and self._wanted(line) else []


def _whole_lines(path: Path, size: int) -> int:
    """How many of the bytes are lines with their end."""
    with path.open("rb") as file:
        for begin in range((size - 1) // _BLOCK_BYTES * _BLOCK_BYTES, -1, -_BLOCK_BYTES):
            file.seek(begin)
            block = file.read(min(_BLOCK_BYTES, size - begin))
            if (at := block.rfind(b"\n")) >= 0:
                return begin + at + 1
    return 0


def _backwards(path: Path, end: int) -> Iterator[bytes]:
    """The lines up to `end`, the last one first."""
    rest = b""
    with path.open("rb") as file:
        for begin in range((end - 1) // _BLOCK_BYTES * _BLOCK_BYTES, -1, -_BLOCK_BYTES):
            file.seek(begin)
            rest, *lines = (file.read(min(_BLOCK_BYTES, end - begin)) + rest).split(b"\n")
            end = begin
            yield from reversed(lines)
    yield rest


def _place(line: Line) -> float:
    seq = line.get("seq")
    return seq if isinstance(seq, int) else 0
