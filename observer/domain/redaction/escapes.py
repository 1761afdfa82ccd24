"""A text as it reads once its escapes are undone, and where in the original each part stands."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice

_ESCAPES = re.compile(
    rb"%[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*|\\(?<!\\\\)\\*+(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[nrt])"
    rb"|&(?:quot|amp|apos|#39|#34|#64|commat);"
)
_ENTITIES = {
    b"&quot;": b'"',
    b"&amp;": b"&",
    b"&apos;": b"'",
    b"&#39;": b"'",
    b"&#34;": b'"',
    b"&#64;": b"@",
    b"&commat;": b"@",
}
_MOST = 2000
"""Escapes that are undone in one text; a text of nothing else is no line that anybody wrote."""

_LONG = 16_384
_AROUND = 192
"""Bytes on either side of an escape: in a long text what is farther away reads as it stands."""

MARGIN = _AROUND // 2
"""Bytes at the ends of such a part that are only there to tell what stands between them."""


def around_escapes(data: bytes) -> Iterator[tuple[int, int]]:
    """The parts of a text that read otherwise once its escapes are undone, from blank to blank.

    All of a short one, or of one in which escapes are everywhere.
    """
    parts: list[tuple[int, int]] = []
    for match in islice(_ESCAPES.finditer(data), _MOST):
        begin, end = _widened(data, *match.span())
        if parts and begin <= parts[-1][1]:
            begin = parts.pop()[0]
        parts.append((begin, end))
    if parts and (len(data) <= _LONG or sum(end - begin for begin, end in parts) > len(data) // 2):
        parts = [(0, len(data))]
    yield from parts


def _widened(data: bytes, start: int, end: int) -> tuple[int, int]:
    left, right = max(0, start - _AROUND), min(len(data), end + _AROUND)
    blank = data.rfind(b" ", max(0, left - _AROUND), left)
    left = blank if blank >= 0 else left
    blank = data.find(b" ", right, right + _AROUND)
    return left, blank + 1 if blank >= 0 else right


class Unescaped:
    """The text without its escapes."""

    def __init__(self, data: bytes) -> None:
        parts: list[bytes] = []
        self._at: list[int] = []
        self._steps: list[tuple[int, int]] = []
        at = length = 0
        for count, match in enumerate(_ESCAPES.finditer(data)):
            if count == _MOST:
                break
            start, end = match.span()
            plain = _plain(match.group())
            self._note(length, at, 1)
            parts += [data[at:start], plain]
            length += start - at
            self._note(length, start, 3 if match.group()[:1] == b"%" else 0)
            length += len(plain)
            at = end
        self._note(length, at, 1)
        parts.append(data[at:])
        self._note(length + len(data) - at, len(data), 0)
        self.data = b"".join(parts)

    def _note(self, here: int, there: int, step: int) -> None:
        self._at.append(here)
        self._steps.append((there, step))

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Where a part of it stands in the original."""
        return self._place(start), self._place(end)

    def _place(self, here: int) -> int:
        index = bisect_right(self._at, here) - 1
        there, step = self._steps[index]
        return there + (here - self._at[index]) * step


def _plain(escape: bytes) -> bytes:
    if escape[:1] == b"%":
        return bytes.fromhex(escape.replace(b"%", b"").decode())
    if escape[:1] == b"&":
        return _ENTITIES[escape]
    if escape[-1:] in b"nrt":
        return b"\n"
    return chr(int(escape.lstrip(b"\\")[1:], 16)).encode(errors="replace")
