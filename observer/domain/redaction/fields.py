"""What is kept of each field of a tool's arguments and answers, as redaction.yaml declares it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

ALWAYS_KEPT = "idempotency_key"
"""An audit's thread from a decision to its effect: no policy takes it away."""

_ANY = "*"
_MOST_NAMED = 20
_LONGEST_NAME = 80


class Treatment(StrEnum):
    """What becomes of a field: it stays (but for secrets in it), leaves a mark, or goes."""

    KEEP = "keep"
    HASH = "hash"
    DROP = "drop"


@dataclass(frozen=True)
class Treated:
    """What is left of a value, and what was done to it."""

    value: Any
    rules: list[str]
    undeclared: list[str]


@dataclass
class _Place:
    """One step of the declared paths."""

    treatment: Treatment | None = None
    below: dict[str, _Place] = field(default_factory=dict[str, "_Place"])

    def child(self, name: str) -> _Place | None:
        return self.below.get(name) or self.below.get(_ANY)


Declared = Mapping[str, Treatment]
"""Paths of one tool's arguments or results, as `errors.message` or `labels.*`. A list's items have
the path of the list."""


class FieldPolicy:
    """Judges each field of each tool. What nobody declared goes."""

    def __init__(
        self, arguments: Mapping[str, Declared], results: Mapping[str, Declared], salt: bytes
    ) -> None:
        self._arguments = {tool: _planted(paths.items()) for tool, paths in arguments.items()}
        self._results = {tool: _planted(paths.items()) for tool, paths in results.items()}
        self._salt = salt

    @property
    def tools(self) -> frozenset[str]:
        """The tools that are declared at all."""
        return frozenset(self._arguments) | frozenset(self._results)

    def arguments(self, tool: str, value: Mapping[str, Any]) -> Treated:
        """What is written down of a call's arguments."""
        return self._treated(self._arguments.get(tool, _Place()), value)

    def result(self, tool: str, value: Any) -> Treated:
        """What is written down of an answer, and is all that later steps see of it."""
        return self._treated(self._results.get(tool, _Place()), value)

    def _treated(self, place: _Place, value: Any) -> Treated:
        treated = Treated(None, [], [])
        kept = self._walked(place, value, (), treated)
        return Treated(kept, treated.rules[:_MOST_NAMED], treated.undeclared[:_MOST_NAMED])

    def _walked(self, place: _Place, value: Any, path: tuple[str, ...], so_far: Treated) -> Any:
        if isinstance(value, Mapping):
            return self._mapping(place, cast("Mapping[str, Any]", value), path, so_far)
        if isinstance(value, list | tuple):
            items = [self._walked(place, v, path, so_far) for v in cast("list[Any]", value)]
            return [item for item in items if item is not _GONE]
        if value is None and place.below:
            return None  # what is declared below it is not there
        match place.treatment:
            case Treatment.KEEP:
                return value
            case Treatment.HASH:
                _note(so_far.rules, f"hash:{_named(path)}")
                return None if value is None else self._hash(value)
            case Treatment.DROP:
                _note(so_far.rules, f"drop:{_named(path)}")
            case None:
                _note(so_far.undeclared, _named(path))
        return _GONE

    def _mapping(
        self, place: _Place, value: Mapping[str, Any], path: tuple[str, ...], so_far: Treated
    ) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, item in value.items():
            if not path and name == ALWAYS_KEPT:
                kept[name] = item
                continue
            child = place.child(name) or _Place(place.treatment and _inherited(place.treatment))
            left = self._walked(child, item, (*path, name), so_far)
            if left is not _GONE:
                kept[name] = left
        return kept

    def _hash(self, value: Any) -> str:
        """The same for the same value in one data directory, and not to be guessed from outside."""
        text = json.dumps(value, sort_keys=True, default=str)
        return "sha256:" + hmac.new(self._salt, text.encode(), hashlib.sha256).hexdigest()[:12]


_GONE = object()


def _inherited(treatment: Treatment) -> Treatment | None:
    """What goes, goes with all that is in it; what stays has to be named."""
    return None if treatment is Treatment.KEEP else treatment


def _planted(paths: Iterable[tuple[str, Treatment]]) -> _Place:
    root = _Place()
    for path, treatment in paths:
        place = root
        for step in path.split("."):
            place = place.below.setdefault(step, _Place())
        place.treatment = treatment
    return root


def _named(path: tuple[str, ...]) -> str:
    return ".".join(path)[:_LONGEST_NAME] or "(all)"


def _note(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)
