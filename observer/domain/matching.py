"""Many known errors against many log lines, and why each did or did not match.

By node, then by the fixed text of each pattern (Aho-Corasick), then by RE2 itself. The automata
grow by levels, so that one more known error rebuilds a small one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from ahocorasick_rs import AhoCorasick, Implementation

from observer.domain.known_error import KnownError, Match, explain
from observer.domain.literals import mandatory_literals
from observer.domain.patterns import compile_pattern

_GROWTH = 4
"""How much smaller than its neighbour a level stays."""
_TOLD = 20
"""Near misses that are explained one by one."""


class KnownErrorIndex:
    """Known errors by node, found by what their patterns must contain."""

    def __init__(self, known_errors: Iterable[KnownError] = ()) -> None:
        """Build all at once.

        Raises:
            ValueError: two have the same id, or a pattern is not RE2 or too broad.
        """
        self._by_id: dict[str, KnownError] = {}
        self._retired: dict[str, str] = {}
        self._shards: dict[str, _Shard] = {}
        entries: dict[str, list[_Entry]] = {}
        for known in known_errors:
            entries.setdefault(known.signature.node, []).append(self._entry(known))
        for node, of_node in entries.items():
            self._shards[node] = _Shard(of_node)

    def add(self, known: KnownError) -> None:
        """Know one more.

        Raises:
            ValueError: its id is taken, or its pattern is not RE2 or too broad.
        """
        entry = self._entry(known)
        shard = self._shards.get(known.signature.node)
        if shard is None:
            self._shards[known.signature.node] = _Shard([entry])
        else:
            shard.add(entry)

    def retire(self, known_error: str, why: str) -> None:
        """Leave it out of automatic use; it goes on to explain near misses."""
        self._retired[known_error] = why

    def restore(self, known_error: str) -> None:
        """Use it again."""
        self._retired.pop(known_error, None)

    def why_retired(self, known_error: str) -> str | None:
        """Why it is not used, or None where it is."""
        return self._retired.get(known_error)

    def find(self, known_error: str) -> KnownError | None:
        """One by its id."""
        return self._by_id.get(known_error)

    def __contains__(self, known_error: str) -> bool:
        return known_error in self._by_id

    def _entry(self, known: KnownError) -> _Entry:
        if known.id in self._by_id:
            raise ValueError(f"{known.id} is known already")
        entry = _Entry(known, tuple(mandatory_literals(known.signature.pattern)))
        self._by_id[known.id] = known
        return entry

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def known_errors(self) -> Collection[KnownError]:
        """All of them, in the order in which they came."""
        return self._by_id.values()

    def of_node(self, node: str) -> Sequence[KnownError]:
        """Those of one node, in the order in which they came."""
        shard = self._shards.get(node)
        return () if shard is None else shard.known_errors

    def occurrences(self, node: str, lines: Iterable[str]) -> dict[str, str]:
        """By id, the first of a node's lines that each pattern matches."""
        shard = self._shards.get(node)
        return {} if shard is None else shard.occurrences(lines)


@dataclass(frozen=True)
class _Entry:
    known: KnownError
    literals: tuple[str, ...]


class _Shard:
    """The known errors of one node."""

    def __init__(self, entries: Sequence[_Entry]) -> None:
        self.known_errors = [entry.known for entry in entries]
        self._levels = [_Level(entries)]

    def add(self, entry: _Entry) -> None:
        self.known_errors.append(entry.known)
        entries: Sequence[_Entry] = [entry]
        while self._levels and len(self._levels[-1].entries) < _GROWTH * len(entries):
            entries = [*self._levels.pop().entries, *entries]
        self._levels.append(_Level(entries))

    def occurrences(self, lines: Iterable[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in lines:
            folded = line.casefold()
            for known in chain.from_iterable(level.candidates(folded) for level in self._levels):
                if known.id in found:
                    continue
                if compile_pattern(known.signature.pattern).search(line):
                    found[known.id] = line
        return found


class _Level:
    """Some known errors with the automaton of their literals."""

    def __init__(self, entries: Sequence[_Entry]) -> None:
        self.entries = entries
        self._owners: dict[str, list[KnownError]] = {}
        for entry in entries:
            for literal in entry.literals:
                self._owners.setdefault(literal, []).append(entry.known)
        self._automaton = AhoCorasick(
            list(self._owners), store_patterns=True, implementation=Implementation.ContiguousNFA
        )

    def candidates(self, folded: str) -> Iterable[KnownError]:
        literals = set(self._automaton.find_matches_as_strings(folded, overlapping=True))
        return chain.from_iterable(self._owners[literal] for literal in literals)


@dataclass(frozen=True)
class LookUp:
    """The known error that explains an incident, or none; and how near the others came."""

    found: Match | None
    near_misses: list[str]


def look_up(
    index: KnownErrorIndex,
    *,
    node: str,
    lines: Sequence[str],
    metrics: Mapping[str, Any],
    tried: Collection[str] = (),
    beside: Collection[str] = (),
) -> LookUp:
    """Compare what was observed on a node with all that is known of it, in the order it came.

    What is known of the nodes `beside` it, which are looked up as well, is not told as elsewhere.

    The nearest misses are told first: tried without success or retired, then the log pattern
    without the metric condition, then the condition without the pattern.
    """
    occurrences = index.occurrences(node, lines)
    of_node = index.of_node(node)
    elsewhere = len(index) - sum(len(index.of_node(name)) for name in {node, *beside})
    misses: list[Match] = []
    for known in of_node:
        if known.id in tried:
            misses.append(Match(known, False, f"{known.id} was tried and did not hold", nearness=3))
            continue
        match = explain(known, occurrences.get(known.id), read=len(lines), metrics=metrics)
        if match.matched and (why := index.why_retired(known.id)) is not None:
            reason = f"{known.id} is retired from automatic use: {why}"
            match = Match(known, False, reason, match.line, nearness=3)
        if match.matched:
            return LookUp(match, _told(misses, node, elsewhere))
        misses.append(match)
    return LookUp(None, _told(misses, node, elsewhere))


def _told(misses: Sequence[Match], node: str, elsewhere: int) -> list[str]:
    nearest = sorted(misses, key=lambda miss: -miss.nearness)
    told = [miss.reason for miss in nearest[:_TOLD]]
    if rest := len(misses) - len(told):
        told.append(f"{rest} more known {_errors(rest)} of {node} did not match")
    if elsewhere:
        told.append(f"{elsewhere} known {_errors(elsewhere)} about other nodes")
    return told


def _errors(count: int) -> str:
    return "error" if count == 1 else "errors"
