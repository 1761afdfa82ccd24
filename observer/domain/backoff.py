"""How long to wait before a call is tried again: exponential, with full jitter."""

from __future__ import annotations

from collections.abc import Callable


def wait_before_retry(
    tries: int,
    *,
    first: float,
    longest: float,
    asked_for: float | None,
    spread: Callable[[], float],
) -> float | None:
    """Seconds to wait after so many tries; None: not at all, it would take too long.

    `spread` gives a random number from 0 to 1. Who was told a time (`asked_for`, Retry-After)
    never comes earlier.
    """
    jitter = spread() * min(longest, first * 2 ** (tries - 1))
    if asked_for is None:
        return jitter
    if asked_for > longest:
        return None
    return min(asked_for + jitter, longest)
