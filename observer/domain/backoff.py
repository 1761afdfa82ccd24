"""How long to wait before a call is tried again: exponential, with full jitter."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")


def seconds_asked_for(retry_after: str, now: float) -> float | None:
    """For how long a Retry-After header asks to be left alone: a number of seconds, or a date.

    None where it is neither; `now` is Unix time.
    """
    if _SECONDS.fullmatch(retry_after.strip()):
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now)


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
