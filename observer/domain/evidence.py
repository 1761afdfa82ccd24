"""What can be read out of a tool's answer: numbers for conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast


def numbers(payloads: Iterable[Any]) -> dict[str, float]:
    """Every number at the top level of some answers, or under `values`; a later answer wins."""
    found: dict[str, float] = {}
    for payload in payloads:
        answer = _mapping(payload)
        for name, value in {**answer, **_mapping(answer.get("values"))}.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                found[name] = value
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
