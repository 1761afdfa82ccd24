"""RE2's syntax as a row of tokens, as far as its fixed text is concerned.

Of our own, because Python's parser reads another dialect: `\\Q..\\E`, `\\z`, `\\pN`, `\\C`,
`[[:alpha:]]`, `\\x{..}`, flags anywhere and `{,3}` mean something else there, or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "text",  # these texts, one after the other
    "one of",  # one of these characters
    "anything",
    "position",  # `^`, `\b`: matches no character
    "repeat",  # of what stands before, `least` to `most` times
    "or",
    "flags",  # for the rest of the group
    "open",
    "close",
]

_FEW = 4
"""Characters of a class that are worth telling apart."""

_PLAIN = re.compile(r"[^\\.*+?()|\[{^$]+")
_QUOTED = re.compile(r"\\Q(.*?)(?:\\E|\Z)", re.S)
_REPEAT = re.compile(r"(?:([*+?])|\{(0|[1-9][0-9]*)(,)?(?(3)(0|[1-9][0-9]*)?)\})\??")
_NAMED = re.compile(r"\(\?P?<[^>]*>")
_FLAGS = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")
_CLASS_NAME = re.compile(r"\\(?:[pP](?:\{[^}]*\}|.)|[CdDsSwW])")
_POSIX_NAME = re.compile(r"\[:\^?[a-z]+:\]")
_RANGE = re.compile(r"-(?!\])")
_POSITION = re.compile(r"[\^$]|\\[bBAz]")
_ESCAPED = re.compile(
    r"\\(?:x\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|([0-7]{1,3})|([afnrtv])|([^0-9A-Za-z]))", re.S
)
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True)
class Token:
    """One word of a pattern."""

    kind: Kind
    texts: tuple[str, ...] = ()
    least: int = 0
    most: int | None = None
    fold: bool | None = None
    """Whether case counts no more; None where the flags do not say."""


_SIGNS = {".": Token("anything"), ")": Token("close"), "|": Token("or")}


class Syntax:
    """The tokens of one pattern, which RE2 must have accepted."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def __iter__(self) -> Iterator[Token]:
        while self._at < len(self._pattern):
            yield self._next()

    def _next(self) -> Token:
        if (found := self._take(_PLAIN)) is not None:
            return Token("text", _last_apart(found[0]))
        if (found := self._take(_QUOTED)) is not None:
            return Token("text", _last_apart(found[1]))
        if (found := self._take(_REPEAT)) is not None:
            return _repeat(found)
        if self._take(_POSITION) is not None:
            return Token("position")
        if self._take(_CLASS_NAME) is not None:
            return Token("anything")
        match self._pattern[self._at]:
            case "(":
                return self._group()
            case "[":
                return self._class()
            case "." | ")" | "|" as sign:
                self._at += 1
                return _SIGNS[sign]
            case _:
                return Token("text", (self._character(),))

    def _take(self, what: re.Pattern[str]) -> re.Match[str] | None:
        found = what.match(self._pattern, self._at)
        if found is not None:
            self._at = found.end()
        return found

    def _group(self) -> Token:
        if self._take(_NAMED) is not None:
            return Token("open")
        found = self._take(_FLAGS)
        if found is None:
            self._at += 1
            return Token("open")
        fold = True if "i" in found[1] else False if "i" in (found[2] or "") else None
        return Token("open" if found[3] == ":" else "flags", fold=fold)

    def _class(self) -> Token:
        """A `[...]`: its characters, where they are few."""
        self._at += 1
        few = not self._pattern.startswith("^", self._at)
        self._at += not few
        characters: set[str] = set()
        first = True
        while first or self._pattern[self._at] != "]":
            first = False
            if self._take(_POSIX_NAME) is not None or self._take(_CLASS_NAME) is not None:
                few = False
                continue
            low = high = self._character()
            if self._take(_RANGE) is not None:
                high = self._character()
            few = few and ord(high) - ord(low) < _FEW
            characters |= {chr(c) for c in range(ord(low), ord(high) + 1)} if few else set()
        self._at += 1
        few = few and len(characters) <= _FEW
        return Token("one of", tuple(sorted(characters))) if few else Token("anything")

    def _character(self) -> str:
        found = self._take(_ESCAPED)
        if found is None:
            self._at += 1
            return self._pattern[self._at - 1]
        long_hex, hexadecimal, octal, control, itself = found.groups()
        if long_hex or hexadecimal:
            return chr(int(long_hex or hexadecimal, 16))
        return chr(int(octal, 8)) if octal else _CONTROLS[control] if control else itself


def _last_apart(text: str) -> tuple[str, ...]:
    """A repetition that follows is one of the last character only."""
    return tuple(part for part in (text[:-1], text[-1:]) if part)


def _repeat(found: re.Match[str]) -> Token:
    match found.groups():
        case ("*", *_):
            return Token("repeat", least=0)
        case ("+", *_):
            return Token("repeat", least=1)
        case ("?", *_):
            return Token("repeat", least=0, most=1)
        case (_, str() as least, comma, most):
            top = int(most) if most else None if comma else int(least)
            return Token("repeat", least=int(least), most=top)
        case _:
            raise AssertionError(found[0])
