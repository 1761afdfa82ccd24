"""Occurrences of what goes on, where its source numbers none: we count them, and lose none.

A source that only says "failing" and "well again" repeats itself, and may fail to tell the latter.
"""

from __future__ import annotations

from dataclasses import dataclass

OVER = "-resolved"
"""How the id of an event ends that says an occurrence is over."""
OUTSIDE = "-outside"
"""How the id of a breach ends that did not count: inside the window, the same alert is news."""


@dataclass(frozen=True)
class Latest:
    """The newest event of a subject."""

    event_id: str
    accepted_at: float
    session_open: bool


def fired_id(
    subject: str, latest: Latest | None, *, over: bool, now: float, window_s: float
) -> str:
    """The id of the occurrence that a delivery is about: a new one, or the latest."""
    if latest is None:
        return f"{subject}-{0 if over else 1}"
    number, ended = _read(subject, latest.event_id)
    # While somebody is busy with it, or has just been told, it is the same. Later it may be a
    # reminder, or a new failure after an end that nobody told us of: it is looked into.
    same = latest.session_open or now - latest.accepted_at < window_s
    if over or (same and not ended):
        return f"{subject}-{number}"
    return f"{subject}-{number + 1}"


def _read(subject: str, event_id: str) -> tuple[int, bool]:
    number = event_id.removeprefix(f"{subject}-").removesuffix(OUTSIDE)
    return int(number.removesuffix(OVER)), number.endswith(OVER)
