"""Durations as the configuration writes them: `500ms`, `8s`, `5m`, `24h`."""

import re
from typing import Any

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(value: Any) -> Any:
    """Seconds of a duration; a number is seconds already."""
    if not isinstance(value, str):
        return value
    found = _DURATION.fullmatch(value.strip())
    if found is None:
        raise ValueError(f"{value[:30]!r} is no duration; write for example 500ms, 8s, 5m or 24h")
    return float(found[1]) * _SECONDS[found[2]]
