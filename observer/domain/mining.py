"""From the error lines of an incident to a pattern that tells them from a healthy day's lines.

By masking alone: a word that varies becomes a wildcard. That is as accurate as clustering, and a
wrong merge, which would fire the wrong fix, is rare.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from observer.domain.literals import mandatory_literals
from observer.domain.patterns import compile_pattern

ANY = "*"
"""A word that varies, in a template."""

_LONGEST_LINE = 4000
_MOST_WORDS = 200
_MOST_WORDS_OF_A_PATTERN = 30
_LONGEST_WORD = 40
_FEWEST_TELLING_WORDS = 2

_BLANKS = "\t\n\f\r "
"""What `\\s` means in RE2."""
_SPACE = re.compile(f"[{_BLANKS}]+")
_PAIR = re.compile(r"([A-Za-z_][A-Za-z_.-]*=).+")
_VARIES = re.compile(
    r"[0-9*@\\]|[^\x21-\x7e]"  # numbers, addresses, Windows paths, what is not plain
    r"|^['\"(\[]*\.{0,2}/|/.*/|://"  # paths and URLs
    r"|^['\"(\[]*[a-fA-F]{8,}['\")\],.;:]*$"  # hexadecimal without a digit
    r"|\[redacted(?::[\w-]+)?\]"
)
_BEFORE_A_SECRET = re.compile(
    r"(?:pass(?:word|wd|phrase)?|secret|authorization|credentials?|bearer|basic)\W*$"
    r"|(?:token|key)['\"]?[:=]$",
    re.I,
)
_LEVELS = {"trace", "debug", "info", "notice", "warn", "warning", "error", "critical", "fatal"}
_CALM = re.compile(r"\b(?:TRACE|DEBUG|INFO|NOTICE)\b|\blevel=\"?(?:trace|debug|info|notice)\b")
_LETTERS = re.compile(r"[A-Za-z]{3,}")


@dataclass(frozen=True)
class Mined:
    """A pattern, and how many lines of the incident it explains."""

    pattern: str
    lines: int


def template(line: str) -> str:
    """A line without what varies: its words with one space between them.

    A mined pattern matches a line where it matches the line's template, so templates can stand for
    lines. Of very long lines the beginning counts.
    """
    return " ".join(_words(line))


def mine(lines: Iterable[str], healthy: Collection[str]) -> Mined | None:
    """The pattern of the commonest kind of error line, or None where none is telling.

    It matches every line of its kind, none of the healthy templates, and has at least two words
    that say more than a level.
    """
    kinds: dict[tuple[str, ...], list[str]] = {}
    for line in lines:
        if _CALM.search(line) is None:
            kinds.setdefault(tuple(_words(line)), []).append(line)
    ranked = sorted(kinds.items(), key=lambda kind: (-len(kind[1]), -_telling(kind[0])))
    for words, of_kind in ranked:
        pattern = _pattern(words, of_kind)
        if pattern is not None and _separates(pattern, of_kind, healthy):
            return Mined(pattern, len(of_kind))
    return None


def _words(line: str) -> list[str]:
    words = _SPACE.split(line[:_LONGEST_LINE].strip(_BLANKS))
    if len(line) > _LONGEST_LINE:
        words.pop()
    masked: list[str] = []
    before = ""
    for word in words[:_MOST_WORDS]:
        masked.append(_masked(word, before))
        before = word
    return [word for word in masked if word]


def _masked(word: str, before: str) -> str:
    if len(word) > _LONGEST_WORD or _BEFORE_A_SECRET.search(before):
        return ANY
    if (pair := _PAIR.fullmatch(word)) is not None:
        return pair[1] + ANY
    return ANY if _VARIES.search(word) else word


def _telling(words: Sequence[str]) -> int:
    """How many different words say more than a level."""
    found = {word.strip("[](){}<>,.;:'\"").lower() for word in words if not word.endswith(ANY)}
    return sum(_LETTERS.search(word) is not None and word not in _LEVELS for word in found)


def _pattern(words: Sequence[str], lines: Sequence[str]) -> str | None:
    """The words as RE2, from the first fixed one to the last; None where it would be too broad."""
    kept = list(words[:_MOST_WORDS_OF_A_PATTERN])
    while kept and kept[-1] == ANY:
        kept.pop()
    while kept and kept[0] == ANY:
        kept.pop(0)
    if _telling(kept) < _FEWEST_TELLING_WORDS:
        return None
    runs = {run for line in lines for run in _SPACE.findall(line.strip(_BLANKS))}
    space = " " if runs <= {" "} else r"\s+"
    pattern = rf"(?:^|\s){space.join(map(_as_pattern, kept))}(?:\s|$)"
    try:
        mandatory_literals(pattern)
    except ValueError:
        return None
    return pattern


def _as_pattern(word: str) -> str:
    if word == ANY:
        return r"\S+"
    return re.escape(word[:-1]) + r"\S+" if word.endswith("=" + ANY) else re.escape(word)


def _separates(pattern: str, lines: Sequence[str], healthy: Collection[str]) -> bool:
    regex = compile_pattern(pattern)
    return all(regex.search(line) for line in lines) and not any(map(regex.search, healthy))
