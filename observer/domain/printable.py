"""Text from outside as a terminal may get it: no escape sequence, no control character."""

from __future__ import annotations

import re
import unicodedata

# Whole escape sequences go, not just their first byte: "[2J" left over would be noise. A string
# that never ends loses only its start: nothing may hide the rest of a message.
_ESCAPES = re.compile(
    r"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])(?:[^\x07\x1b\x9c\r\n]*(?:\x07|\x1b\\|\x9c))?"  # strings
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor, erase
    r"|\x1b[ -/]*[0-~]?"  # the short ones
)
_BREAKS = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")
# Control, format (right-to-left overrides, invisible tags), lone surrogates, private, unassigned.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Co", "Cn"}


def printable(text: str, *, lines: bool = False) -> str:
    """The text without what a terminal would obey.

    Without `lines` it is one line, so that a message cannot forge the line after it.
    """
    rows = _BREAKS.split(_ESCAPES.sub("", text).replace("\t", " "))
    clean = ("".join(c for c in row if unicodedata.category(c) not in _UNPRINTABLE) for row in rows)
    return ("\n" if lines else " ").join(clean)
