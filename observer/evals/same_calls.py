"""Whether two calls are the same, as far as redaction.yaml lets their arguments be written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from observer.domain.eval_case import same_args
from observer.domain.redaction import FieldPolicy
from observer.settings import Configuration


class SameCalls:
    """Compares arguments that were recorded, or are demanded, with those of today.

    What this configuration does not write down does not count, wherever it still stands.
    """

    def __init__(self, policy: FieldPolicy) -> None:
        self._policy = policy

    @classmethod
    def under(cls, configuration: Configuration) -> SameCalls:
        """By its redaction.yaml; nothing is hashed here, so there is no salt."""
        return cls(configuration.redaction.policy(b""))

    def same(self, tool: str, known: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
        """Whether the tool's two sets of arguments are the same."""
        return same_args(self._counting(tool, known), self._counting(tool, asked))

    def _counting(self, tool: str, args: Mapping[str, Any]) -> Any:
        return _left(args, self._policy.arguments(tool, args).value)


def _left(value: Any, kept: Any) -> Any:
    """The value as it was, without what is not kept."""
    if isinstance(value, Mapping):
        return {name: _left(value[name], item) for name, item in kept.items()}
    if isinstance(value, list | tuple):
        if len(value) != len(kept):
            return kept
        return [_left(*pair) for pair in zip(value, kept, strict=True)]
    return value
