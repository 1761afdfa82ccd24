"""For whom no remedy starts, as a file in the data directory says it."""

from __future__ import annotations

import re

from observer.domain.event import NAME_LIMIT, NAME_PATTERN
from observer.domain.hold import EVERYBODY


def switched_off_by(content: bytes) -> frozenset[str]:
    """The tenants that the file names, one a line; `*` where it names none, or something else.

    What cannot be read as tenants stops everybody: the safe side.
    """
    try:
        lines = {line.strip() for line in content.decode().splitlines()} - {""}
    except UnicodeDecodeError:
        return frozenset((EVERYBODY,))
    if lines and all(len(s) <= NAME_LIMIT and re.fullmatch(NAME_PATTERN, s) for s in lines):
        return frozenset(lines)
    return frozenset((EVERYBODY,))
