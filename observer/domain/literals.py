"""The fixed text in an RE2 pattern: what every line that it matches is bound to contain.

Texts are case-folded, and so must be the line they are looked for in: that is sound for patterns
with and without `(?i)`, because folding goes character by character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce

from observer.domain.pattern_syntax import Syntax
from observer.domain.patterns import compile_pattern

SHORTEST = 4
"""Characters of fixed text below which a pattern occurs in too many lines."""

_MOST_TEXTS = 16
_LONGEST_TEXT = 200
_MOST_COPIES = 8
_ASCII_OR_NOT = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]")

Texts = frozenset[str]


class TooBroad(ValueError):
    """The pattern matches lines that have nothing telling in common."""


@dataclass(frozen=True)
class Part:
    """What is known of the text that a part of a pattern matches."""

    exact: Texts | None = None
    """All the texts it can match, where they are few."""
    bound: Texts | None = None
    """Texts of which each match contains at least one."""

    @property
    def needed(self) -> Texts | None:
        """Texts of which each match contains, or is, at least one."""
        return self.bound if self.exact is None else self.exact


NOTHING = Part(exact=frozenset({""}))
ANYTHING = Part()


def mandatory_literals(pattern: str) -> Texts:
    """The longest texts of which every matching line, folded, contains at least one.

    Raises:
        TooBroad: there is no such text of at least four characters.
        ValueError: RE2 does not accept the pattern.
    """
    compile_pattern(pattern)
    needed = _read(pattern).needed or frozenset({""})
    shortest = min(needed, key=len)
    if len(shortest) < SHORTEST:
        found = f"{shortest!r} is all" if shortest else "there is none"
        raise TooBroad(
            f"too broad: {pattern!r} must hold a fixed text of at least {SHORTEST} characters that"
            f" every match contains, in each of its alternatives; {found}"
        )
    return _without_longer_forms(needed)


@dataclass
class _Group:
    """An open group: its finished alternatives, and the one that is being read."""

    fold: bool
    alternatives: list[Part] = field(default_factory=list[Part])
    sequence: list[Part] = field(default_factory=list[Part])

    def close(self) -> Part:
        """All of it as one part."""
        return _either([*self.alternatives, _one_after_another(self.sequence)])


def _read(pattern: str) -> Part:
    """Read a pattern that RE2 accepts; open groups lie on a list, so no depth is too deep."""
    groups = [_Group(fold=False)]
    for token in Syntax(pattern):
        group = groups[-1]
        match token.kind:
            case "text":
                group.sequence += _texts(token.texts, fold=group.fold)
            case "one of":
                group.sequence.append(_either(_texts(token.texts, fold=group.fold)))
            case "anything":
                group.sequence.append(ANYTHING)
            case "position":
                group.sequence.append(NOTHING)
            case "repeat":
                group.sequence.append(_repeated(group.sequence.pop(), token.least, token.most))
            case "or":
                group.alternatives.append(_one_after_another(group.sequence))
                group.sequence = []
            case "flags":
                group.fold = group.fold if token.fold is None else token.fold
            case "open":
                groups.append(_Group(group.fold if token.fold is None else token.fold))
            case "close":
                groups.pop()
                groups[-1].sequence.append(group.close())
    return groups[0].close()


def _texts(texts: Iterable[str], *, fold: bool) -> list[Part]:
    if not fold:
        return [Part(exact=frozenset({text.casefold()})) for text in texts]
    # Without case, a letter beyond ASCII has relatives on which Unicode's versions differ.
    pieces = (piece for text in texts for piece in _ASCII_OR_NOT.findall(text))
    return [Part(exact=frozenset({p.casefold()})) if p.isascii() else ANYTHING for p in pieces]


def _either(parts: Sequence[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    exact = [part.exact for part in parts if part.exact is not None]
    if len(exact) == len(parts):
        union = frozenset[str]().union(*exact)
        return Part(exact=union) if len(union) <= _MOST_TEXTS else Part(bound=union)
    needed = [part.needed for part in parts if part.needed is not None]
    return Part(bound=frozenset[str]().union(*needed)) if len(needed) == len(parts) else ANYTHING


def _one_after_another(parts: Sequence[Part]) -> Part:
    """Texts that stand side by side grow together until one of them is not fixed."""
    run, runs = frozenset({""}), list[Texts | None]()
    for part in parts:
        if part.exact is not None and _small(run, part.exact):
            run = frozenset(before + after for before in run for after in part.exact)
            continue
        runs += [run, part.bound]
        run = frozenset({""}) if part.exact is None else part.exact
    if not runs:
        return Part(exact=run)
    return Part(bound=reduce(_better, [*runs, run]))


def _small(one: Texts, other: Texts) -> bool:
    longest = max(map(len, one)) + max(map(len, other))
    return len(one) * len(other) <= _MOST_TEXTS and longest <= _LONGEST_TEXT


def _better(one: Texts | None, other: Texts | None) -> Texts | None:
    """Of two sets that both hold: the one whose shortest text is longer, then the smaller one."""
    return max(one, other, key=_worth)


def _worth(texts: Texts | None) -> tuple[int, int]:
    return (min(map(len, texts)), -len(texts)) if texts else (0, 0)


def _repeated(part: Part, least: int, most: int | None) -> Part:
    if least == 0:
        if most == 1 and part.exact is not None and len(part.exact) < _MOST_TEXTS:
            return Part(exact=part.exact | {""})
        return ANYTHING
    copies = _one_after_another([part] * min(least, _MOST_COPIES))
    return copies if least == most and least <= _MOST_COPIES else Part(bound=copies.needed)


def _without_longer_forms(texts: Texts) -> Texts:
    """A text that contains another of them adds nothing."""
    if len(texts) > _MOST_TEXTS:
        return texts
    return frozenset(t for t in texts if not any(other in t for other in texts if other != t))
