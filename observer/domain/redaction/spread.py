"""Secrets that lie over several items of a list: a command's words, a key's lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from observer.domain.redaction.matching import MASK_BEGINS
from observer.domain.redaction.text import TextRules

KEY_RULE = "private-key"

_KEY = "PRIVATE KEY"
_KEY_MASK = f"{MASK_BEGINS}{KEY_RULE}]"
_EDGE = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]*PRIVATE KEY")
_BODY = re.compile(r"(?<![\w+/=.:-])[A-Za-z0-9+/]{8,}={0,2}(?![\w+/=-])")
_ID = re.compile(r"(?i)(?:^|_)(?:id|key|hash|sha\d*|digest)$")
_LONGEST_KEY = 200
"""Items. A key whose other edge is not there ends here."""

_OF_COMMANDS = frozenset({"password", "authorization", "url-password", "token"})
_LONGEST_COMMAND = 16_384


class SpreadKey:
    """Where in a list of log lines we are: inside a key, or not. Newest first is read as well."""

    def __init__(self) -> None:
        self._edge: str | None = None
        self._items = 0

    def without(self, value: Any) -> Any:
        """The next item, without the lines of a key that began in one before it."""
        self._items += 1
        if self._items > _LONGEST_KEY:
            self._edge = None
        return self._walked(value)

    def _walked(self, value: Any) -> Any:
        if isinstance(value, dict):
            items = cast("dict[Any, Any]", value)
            return {
                key: item if isinstance(key, str) and _ID.search(key) else self._walked(item)
                for key, item in items.items()
            }
        if isinstance(value, (list, tuple)):
            return [self._walked(item) for item in cast("list[Any]", value)]
        return self._line(value) if isinstance(value, str) else value

    def _line(self, line: str) -> str:
        edges = set(_EDGE.findall(line)) if _KEY in line else set[str]()
        clean = _BODY.sub(_body, line) if self._edge else line
        if len(edges) == 1:
            edge = edges.pop()
            self._edge = edge if self._edge in (None, edge) else None
            self._items = 0
        return clean


def holds_key(value: Any) -> bool:
    """Whether an edge of a private key stands anywhere in it."""
    if isinstance(value, str):
        return _KEY in value
    if isinstance(value, dict):
        return any(holds_key(item) for item in cast("dict[Any, Any]", value).values())
    if isinstance(value, (list, tuple)):
        return any(holds_key(item) for item in cast("list[Any]", value))
    return False


def _body(found: re.Match[str]) -> str:
    """Ids and words have not all three kinds of characters; a line of a key has."""
    text = found[0]
    mixed = all(re.search(kind, text) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    return _KEY_MASK if mixed or text.endswith("=") else text


def command(words: Sequence[str], rules: TextRules) -> tuple[list[str], list[str]]:
    """A command's words without what the words before them give away, and the rules that fired.

    A list whose first item is no word is no command, and its items are left to themselves.
    """
    kept = list(words)
    longest = sum(map(len, kept))
    if len(kept) < 2 or longest > _LONGEST_COMMAND or not re.fullmatch(r"\S+", kept[0]):
        return kept, []
    coded = [word.encode(errors="replace") for word in kept]
    spans = [span for span in rules.spans(b" ".join(coded)) if span[2] in _OF_COMMANDS]
    fired: list[str] = []
    at = 0
    for index, word in enumerate(coded):
        for start, end, name in spans:
            # What begins with a word is that word's secret, whatever else stands in it.
            if start == at and end > at and not kept[index].startswith(MASK_BEGINS):
                kept[index] = f"{MASK_BEGINS}{name}]"
                fired.append(name)
            elif at < start < at + len(word) and kept[index] == words[index]:
                kept[index] = (word[: start - at] + f"{MASK_BEGINS}{name}]".encode()).decode(
                    errors="replace"
                )
                fired.append(name)
        at += len(word) + 1
    return kept, fired
