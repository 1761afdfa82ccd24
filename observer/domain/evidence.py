"""What can be read out of a tool's answer: numbers for conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast


def numbers(payloads: Iterable[Any]) -> dict[str, float]:
    """Every number at the top level of some answers, or under `values`; a later answer wins."""
    found: dict[str, float] = {}
    for payload in payloads:
        answer = mapping(payload)
        for name, value in {**answer, **mapping(answer.get("values"))}.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                found[name] = value
    return found


def of_node(payloads: Iterable[Any], node: str) -> list[Any]:
    """The answers without those that name another node: they say nothing of this one."""
    return [payload for payload in payloads if is_about(mapping(payload), node)]


def is_about(named: Mapping[str, Any], node: str) -> bool:
    """Whether an answer, or a part of one, is a node's or names none."""
    return all(named.get(key) in (None, node) for key in ("node", "stage"))


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it has keys, else nothing."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
