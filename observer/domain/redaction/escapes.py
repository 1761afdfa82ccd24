"""A text as it reads once its escapes are undone, and where in the original each part stands."""

from __future__ import annotations

import re
from bisect import bisect_right

_ESCAPES = re.compile(
    rb"(?:%[0-9A-Fa-f]{2})+|\\+u[0-9A-Fa-f]{4}|\\+x[0-9A-Fa-f]{2}|\\+[nrt]|&(?:quot|amp|apos|#39|#34|#64|commat);"
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
