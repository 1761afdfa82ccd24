"""Finds what rules describe: RE2 only, so that a line costs linear time whatever stands in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import re2  # pyright: ignore[reportMissingTypeStubs]

_re2: Any = re2

MOST_CANDIDATES = 8_000
"""Places that are looked at in one text, most of which are something else. What is beyond goes
whole: a flood must cost no more, and leak nothing either."""

_FOUND = 7
"""As how many more of them one counts that goes: it is judged to the end, and masked."""

FLOOD = "flood"
_TOGETHER = 6
"""Hints in one look. RE2 makes its states from what it reads: of all hints at once random text
makes ever new ones, and to make one takes longer than to read a thousand characters."""

_SHORT = 300
_TOGETHER_IN_SHORT = 22
"""In a short text it is the looks that take long, not what each reads."""

_PIECE = 2048
_NOWHERE = 1 << 62
_MEMORY = 64 << 20
MASK_BEGINS = "[redacted:"


@dataclass(slots=True)
class Found:
    """A place that a rule's pattern describes, in a text's UTF-8."""

    data: bytes
    start: int
    end: int

    @property
    def value(self) -> str:
        """What stands there."""
        return self.data[self.start : self.end].decode(errors="replace")

    def before(self, length: int) -> str:
        """The end of what stands before it, lower case."""
        return self.data[max(0, self.start - length) : self.start].decode(errors="ignore").lower()

    def after(self, length: int) -> str:
        """The beginning of what stands behind it."""
        return self.data[self.end : self.end + length].decode(errors="ignore")


Judge = Callable[[Found], int]
"""How many bytes of what was found go; 0: it is something else."""


def always(found: Found) -> int:
    """The pattern alone is enough."""
    return found.end - found.start


def where(holds: Callable[[Found], bool]) -> Judge:
    """All of it where a condition holds."""
    return lambda found: found.end - found.start if holds(found) else 0


@dataclass(frozen=True)
class Rule:
    """A pattern whose last group that took part goes (or all of it), if its judge agrees.

    `hint` is a cheaper pattern without which the rule is not tried at all. `cost` says as how many
    candidates one of its own counts, by the time that it takes.
    """

    name: str
    pattern: str
    judge: Judge = always
    hint: str = ""
    cost: int = 1


Groups = list[tuple[int, int]]
Matcher = Callable[[Any, bytes, int, int], Groups]
_ANYWHERE: Any = _re2._Anchor.UNANCHORED

Span = tuple[int, int, str]
"""From, to, and the name of the rule."""


class Rules:
    """Many rules behind one look that says which of them are worth a try."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        hints = [rule.hint or rule.pattern for rule in rules]
        self._of_short = _looks(hints, _TOGETHER_IN_SHORT)
        self._of_long = _looks(hints, _TOGETHER)

    def worth_a_try(self, data: bytes) -> bool:
        """Whether any rule might find something."""
        return any(hints.Match(data) for _, hints in self._of_short)

    def _searches(self, data: bytes) -> Iterator[_Search]:
        for at, hints in self._of_short if len(data) < _SHORT else self._of_long:
            for index in sorted(hints.Match(data) or ()):
                search = _Search(self._rules[at + index], data)
                if search.at < _NOWHERE:
                    yield search

    def spans(self, data: bytes, most: int = MOST_CANDIDATES) -> list[Span]:
        """Where something must go, in no order, perhaps one inside the other.

        All rules go over a piece before any goes further: before a flood nothing stands that some
        rule did not come to.
        """
        searches = list(self._searches(data))
        left = most
        while (begins := min((search.at for search in searches), default=_NOWHERE)) < _NOWHERE:
            for search in searches:
                left -= search.until(begins + _PIECE)
            if left < 0:
                before = [span for search in searches for span in search.spans if span[0] < begins]
                ends = max((end for _, end, _ in before), default=0)
                return [*before, (max(begins, ends), len(data), FLOOD)]
        return [span for search in searches for span in search.spans]


class _Search:
    """One rule on its way through a text."""

    __slots__ = ("_data", "_groups", "_match", "_rule", "at", "spans")

    def __init__(self, rule: Rule, data: bytes) -> None:
        self.spans: list[Span] = []
        self._rule = rule
        self._match = matcher(rule.pattern)
        self._data = data
        self._groups = self._match(_ANYWHERE, data, 0, len(data))
        begin = self._groups[0][0]
        self.at = begin if begin >= 0 else _NOWHERE

    def until(self, reached: int) -> int:
        """Judge what begins before that place; how much of what may be looked at that took."""
        if self.at >= reached:
            return 0
        data, groups, rule, match = self._data, self._groups, self._rule, self._match
        looked, last, begin = 0, len(self._data), self.at
        while begin < reached:
            start, end = _last(groups)
            looked += rule.cost
            length = rule.judge(Found(data, start, end))
            at = groups[0][1]
            if length:
                self.spans.append((start, start + length, rule.name))
                looked += _FOUND
                if length < end - start:
                    # What a judge left over may begin with the next label.
                    at = start + length
            groups = match(_ANYWHERE, data, max(at, begin + 1), last)
            begin = groups[0][0]
            if begin < 0:
                begin = _NOWHERE
        self._groups, self.at = groups, begin
        return looked


def _last(groups: Groups) -> tuple[int, int]:
    """The last group that took part; where none did, all that was matched."""
    if len(groups) == 2:
        return groups[1] if groups[1][0] >= 0 else groups[0]
    if len(groups) == 1:
        return groups[0]
    last = max(groups[1:], key=lambda group: group[1])
    return last if last[0] >= 0 else groups[0]


def replaced(data: bytes, spans: Iterable[Span]) -> tuple[bytes, list[str]]:
    """The text with a mask for each span, or for several that overlap, and the names of rules."""
    parts: list[bytes] = []
    names: list[str] = []
    at = 0
    end, name = -1, ""
    for start, stop, rule in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start < end:
            end = max(end, stop)
            continue
        if end >= 0:
            parts.append(f"{MASK_BEGINS}{name}]".encode())
            at = end
        parts.append(data[at:start])
        end, name = stop, rule
        names.append(rule)
    if end < 0:
        return data, []
    parts += [f"{MASK_BEGINS}{name}]".encode(), data[end:]]
    return b"".join(parts), names


def _looks(hints: Sequence[str], together: int) -> list[tuple[int, Any]]:
    return [
        (at, _searched(tuple(hints[at : at + together]))) for at in range(0, len(hints), together)
    ]


@cache
def _searched(hints: tuple[str, ...]) -> Any:
    search = _re2.Set.SearchSet(_options())
    for hint in hints:
        search.Add(hint)
    search.Compile()
    return search


@cache
def matcher(pattern: str) -> Matcher:
    """The search itself, without the generator and the object that its module makes for each match:
    they take four times as long. Made when it is first wanted, and once: all texts share the states
    of its automaton."""
    return _re2.compile(pattern.encode(), _options())._regexp.Match


def _options() -> Any:
    options = _re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    return options
