"""Log patterns: RE2, so that a match costs linear time whatever the line."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

import re2  # pyright: ignore[reportMissingTypeStubs]


class Pattern(Protocol):
    """A compiled RE2 pattern."""

    def search(self, text: str) -> object | None:
        """The first occurrence, or None."""
        ...


@lru_cache(maxsize=4096)
def compile_pattern(pattern: str) -> Pattern:
    """Compile with RE2, quietly.

    Raises:
        ValueError: RE2 does not accept the pattern.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    compiler: Any = re2
    try:
        return compiler.compile(pattern, options)
    except compiler.error as error:
        raise ValueError(
            f"{pattern!r} is not an RE2 pattern (no look-around, no backreferences): {error}"
        ) from error


def named_groups(pattern: str) -> tuple[str, ...]:
    """The names that a pattern gives to parts of what it matches."""
    compiled: Any = compile_pattern(pattern)
    return tuple(compiled.groupindex)
