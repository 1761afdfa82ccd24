"""Severity from what the event says about itself; design.md section 2 fixes the order."""

from __future__ import annotations

import re

from observer.domain.event import Severity

_THRESHOLD = re.compile(
    r"(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>%|ms|s|x)?[^0-9()]{0,40}"
    r"\(\s*(?:threshold|limit)\s*:?\s*(?P<limit>\d+(?:\.\d+)?)\s*(?P=unit)?\s*\)",
    re.IGNORECASE,
)
_ALARMING = ("error", "fail", "refused", "timeout", "degraded", "stuck", "exceed", "halted", "lag")


def from_threshold(message: str) -> tuple[Severity, str] | None:
    """Read "3.2% (threshold: 1%)": a value over its limit is a WARNING, one within it is INFO."""
    found = _THRESHOLD.search(message[:4000])
    if found is None:
        return None
    value, limit = float(found["value"]), float(found["limit"])
    if value > limit:
        return Severity.WARNING, f"{found['value']} is over the threshold {found['limit']}"
    return Severity.INFO, f"{found['value']} is within the threshold {found['limit']}"


def from_keywords(message: str) -> tuple[Severity, str]:
    """The last resort: words never page. Nothing recognised is a WARNING, with that reason."""
    lowered = message.lower()
    for word in _ALARMING:
        if word in lowered:
            return Severity.WARNING, f"the message says '{word}'"
    return Severity.WARNING, "unknown severity is treated as WARNING"
