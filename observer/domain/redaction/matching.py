"""Finds what rules describe: RE2 only, so that a line costs linear time whatever stands in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import re2  # pyright: ignore[reportMissingTypeStubs]

MOST_FOUND = 4000
"""Of one text. What is beyond goes whole: a flood must cost no more, and leak nothing either."""

MOST_CANDIDATES = 8_000
"""The same of places that were looked at, most of which are something else in ordinary text."""

FLOOD = "flood"
_TOGETHER = 6
"""Hints in one look. RE2 makes its states from what it reads: of all hints at once random text
makes ever new ones, and to make one takes longer than to read a thousand characters."""

_MEMORY = 64 << 20
MASK_BEGINS = "[redacted:"


@dataclass(frozen=True, slots=True)
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
    candidates one of its own counts.
    """

    name: str
    pattern: str
    judge: Judge = always
    hint: str = ""
    cost: int = 1


Span = tuple[int, int, str]
"""From, to, and the name of the rule."""


class Rules:
    """Many rules behind one look that says which of them are worth a try."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [(rule, _compiled(rule.pattern)) for rule in rules]
        self._hints = [
            (at, _searched(rules[at : at + _TOGETHER])) for at in range(0, len(rules), _TOGETHER)
        ]

    def worth_a_try(self, data: bytes) -> bool:
        """Whether any rule might find something."""
        return any(hints.Match(data) for _, hints in self._hints)

    def _worth_a_try(self, data: bytes) -> Iterator[tuple[Rule, Any]]:
        for at, hints in self._hints:
            for index in sorted(hints.Match(data) or ()):
                yield self._rules[at + index]

    def spans(self, data: bytes) -> list[Span]:
        """Where something must go, in no order, perhaps one inside the other."""
        spans: list[Span] = []
        left = MOST_CANDIDATES
        for rule, compiled in self._worth_a_try(data):
            match = compiled.search(data)
            while match:
                start, end = match.span(match.lastindex or 0)
                left -= rule.cost
                if left < 0 or len(spans) >= MOST_FOUND:
                    spans.append((start, len(data), FLOOD))
                    return spans
                length = rule.judge(Found(data, start, end))
                if length:
                    spans.append((start, start + length, rule.name))
                # What a judge left over may begin with the next label.
                at = start + length if 0 < length < end - start else max(end, match.end())
                match = compiled.search(data, max(at, match.start() + 1))
        return spans


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


def _searched(rules: Sequence[Rule]) -> Any:
    searches: Any = re2.Set
    hints: Any = searches.SearchSet(_options())
    for rule in rules:
        hints.Add(rule.hint or rule.pattern)
    hints.Compile()
    return hints


def _compiled(pattern: str) -> Any:
    compiler: Any = re2
    return compiler.compile(pattern.encode(), _options())


def _options() -> Any:
    options: Any = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    return options
