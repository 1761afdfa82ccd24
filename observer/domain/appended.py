"""Lines that are appended to a file: whole ones only, each at its place, each bounded."""

from __future__ import annotations

from dataclasses import dataclass

LINE_LIMIT = 65_536
"""In bytes. Of a longer line this much is a line, and the rest of it is passed over."""


@dataclass(frozen=True)
class Line:
    """One line without its end."""

    offset: int
    """Where it begins in the file, in bytes."""
    raw: bytes

    @property
    def text(self) -> str:
        """As text, whatever bytes it is made of."""
        return self.raw.decode("utf-8", errors="replace")


@dataclass(frozen=True)
class Taken:
    """What a piece of a file holds, and where the next one begins."""

    lines: tuple[Line, ...]
    offset: int
    skipping: bool
    """Whether the next piece begins inside a line that was too long."""


def take(piece: bytes, *, offset: int, skipping: bool) -> Taken:
    """The whole lines of a piece that begins at `offset`; a line without its end waits for it."""
    lines: list[Line] = []
    at = 0
    while at < len(piece):
        if skipping:
            end = piece.find(b"\n", at)
            if end < 0:
                at = len(piece)
                break
            at, skipping = end + 1, False
            continue
        end = piece.find(b"\n", at, at + LINE_LIMIT + 1)
        if end >= 0:
            lines.append(Line(offset + at, piece[at:end].removesuffix(b"\r")))
            at = end + 1
        elif len(piece) - at > LINE_LIMIT:
            lines.append(Line(offset + at, piece[at : at + LINE_LIMIT]))
            at, skipping = at + LINE_LIMIT, True
        else:
            break
    return Taken(tuple(lines), offset + at, skipping)
