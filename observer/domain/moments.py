"""Moments as people write them on a command line: so long ago, a day, or a time."""

from __future__ import annotations

from datetime import UTC, datetime

from observer.domain.conditions import ParseError, parse_duration


def parse_moment(text: str, now: datetime) -> int:
    """Milliseconds since 1970 of `24h` (so long before now), `2026-11-22` or `2026-11-22T03:00Z`.

    What names no time zone is in UTC; a day is its first moment.

    Raises:
        ValueError: the text is none of these.
    """
    try:
        ago = parse_duration(text)
    except ParseError:
        return _written_out(text)
    return int(max(0.0, now.timestamp() - ago) * 1000)


def _written_out(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is no moment; write for example 30m, 24h or 7d (so long ago),"
            " 2026-11-22 or 2026-11-22T03:00Z"
        ) from None
