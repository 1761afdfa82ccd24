"""How much room a text takes in a picture, whichever font the reader's machine has."""

from __future__ import annotations

import unicodedata

_PX = 13
_EM = {"W": 1.0, "M": 0.87, "m": 0.98, "w": 0.83, "%": 0.96, "@": 1.0, "…": 1.0}
_CAPITAL, _OTHER = 0.8, 0.65
"""Of the widest of the usual fonts of user interfaces."""
_BOLD = 1.15


def wide(text: str, *, bold: bool = False) -> float:
    """Pixels at most."""
    return sum(map(_em, text)) * _PX * (_BOLD if bold else 1.0)


def fitted(text: str, pixels: float, *, bold: bool = False) -> str:
    """The text, or as much of its beginning as there is room for."""
    if wide(text, bold=bold) <= pixels:
        return text
    while text and wide(f"{text}…", bold=bold) > pixels:
        text = text[:-1]
    return f"{text}…"


def _em(character: str) -> float:
    if character in _EM:
        return _EM[character]
    if unicodedata.east_asian_width(character) in "WF":
        return 1.2
    return _OTHER if character.isascii() and not character.isupper() else _CAPITAL
