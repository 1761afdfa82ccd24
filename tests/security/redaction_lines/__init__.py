"""Lines that a redactor meets, with what must go and what must stay marked in each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_MARKS = re.compile("⟦([^⟧]*)⟧|⟨([^⟩]*)⟩")


@dataclass(frozen=True)
class Line:
    """One line, what must not be left of it, and what must."""

    text: str
    gone: tuple[str, ...]
    stays: tuple[str, ...]


def lines(name: str) -> list[Line]:
    """The lines of one file: ⟦...⟧ goes, ⟨...⟩ stays, `·` is nothing, `\\n` is a line break."""
    path = Path(__file__).parent / f"{name}.txt"
    written = path.read_text(encoding="utf-8").splitlines()
    return [_line(text) for text in written if text and not text.startswith("#")]


def _line(written: str) -> Line:
    text = re.sub(r"(?<!\\)\\n", "\n", written.replace("·", ""))
    marks = list(_MARKS.finditer(text))
    return Line(
        _MARKS.sub(lambda m: m.group(1) or m.group(2) or "", text),
        tuple(m.group(1) for m in marks if m.group(1)),
        tuple(m.group(2) for m in marks if m.group(2)),
    )
