"""Moments as people write them on a command line: so long ago, a day, or a time."""

from __future__ import annotations

from datetime import datetime

from observer.domain.conditions import ParseError, parse_duration


def parse_moment(text: str, now: datetime) -> int:
    """Milliseconds since 1970 of `24h` (so long before now), `2026-11-22` or `2026-11-22T03:00Z`.

    What names no time zone is in that of `now`; a day is its first moment.

    Raises:
        ValueError: the text is none of these, or of a year before 1970 or after 9998.
    """
    try:
        ago = parse_duration(text)
    except ParseError:
        return _written_out(text, now)
    return int(max(0.0, now.timestamp() - ago) * 1000)


def parse_moments(
    since: str | None, until: str | None, now: datetime
) -> tuple[int | None, int | None]:
    """Two moments as `parse_moment` takes them; None where nothing is said.

    Raises:
        ValueError: one is none, or nothing lies between them.
    """
    begin = None if since is None else parse_moment(since, now)
    end = None if until is None else parse_moment(until, now)
    if begin is not None and end is not None and begin >= end:
        raise ValueError("`since` must be before `until`")
    return begin, end


def _written_out(text: str, now: datetime) -> int:
    try:
        moment = datetime.fromisoformat(text.strip())
        if not 1970 <= moment.year < 9999:
            raise ValueError
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=now.tzinfo)
        return max(0, int(moment.timestamp() * 1000))
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is no moment; write for example 30m, 24h or 7d (so long ago),"
            " 2026-11-22 or 2026-11-22T03:00Z"
        ) from None
