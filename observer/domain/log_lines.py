"""The log lines in tools' answers that count for a known error: the node's own, and recent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, cast

from observer.domain.evidence import is_about, mapping, of_node

_IN_TEXT = re.compile(
    r"\[?([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,]([0-9]{1,9}))?"
    r" ?(Z|[+-][0-9]{2}:?[0-9]{2})"
)
_UNITS_A_SECOND = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""From which size on a Unix time counts nano-, micro- or milliseconds."""


def recent_lines(payloads: Iterable[Any], *, node: str, now: float, window_s: float) -> list[str]:
    """The messages in some answers, in order, as one node's recent past.

    An answer or a line that names another node does not count, nor does a line whose timestamp is
    older than the window. A line without one counts, as does one whose time names no zone.
    """
    oldest = now - window_s
    return [
        # Half a surrogate pair is no text that a pattern could be matched against.
        text.encode("utf-8", "replace").decode()
        for text, stamp in _lines_of(payloads, node)
        if stamp is None or stamp >= oldest
    ]


def _lines_of(payloads: Iterable[Any], node: str) -> Iterator[tuple[str, float | None]]:
    for answer in of_node(payloads, node):
        for value in mapping(answer).values():
            for item in cast("list[Any]", value) if isinstance(value, list) else []:
                line = mapping(item)
                text = line.get("message")
                if isinstance(text, str) and is_about(line, node):
                    stamp = _unix_time(line.get("timestamp"))
                    yield text, _time_in(text) if stamp is None else stamp


def _unix_time(stamp: Any) -> float | None:
    """Seconds since 1970 of a number or a text that names its time zone."""
    if isinstance(stamp, str):
        if not re.fullmatch(r"[0-9]{9,19}(\.[0-9]{1,9})?", stamp):
            return _time_in(stamp)
        stamp = float(stamp)
    if isinstance(stamp, bool) or not isinstance(stamp, int | float):
        return None
    if not 0 <= stamp < 1e20:
        return None
    return stamp / next((unit for size, unit in _UNITS_A_SECOND if stamp >= size), 1.0)


def _time_in(text: str) -> float | None:
    """The time at the beginning of a text."""
    found = _IN_TEXT.match(text)
    if found is None:
        return None
    try:
        fraction = float(f"0.{found[2] or 0}")
        return datetime.fromisoformat(found[1] + found[3]).timestamp() + fraction
    except (ValueError, OverflowError):
        return None
