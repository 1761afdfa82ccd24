"""Metric conditions such as `redis_connected_clients > 280`: parsed once, judged three-valued.

The forms are the seed's (002): `x > 280`, `x increase > 3 in 5m`, `x rate > 0`.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import LarkError

_GRAMMAR = r"""
start: NAME [FUNCTION] OPERATOR NUMBER [UNIT] ["in" DURATION]
FUNCTION: "increase" | "rate"
OPERATOR: ">=" | "<=" | "==" | "!=" | ">" | "<"
UNIT: "%"
DURATION: /\d+(ms|s|m|h)/
NAME: /(?!in\b|increase\b|rate\b)[a-zA-Z_:][a-zA-Z0-9_:]*/
NUMBER: /-?\d+(\.\d+)?([eE][+-]?\d+)?/
%ignore /[ \t]+/
"""

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_PARSER = Lark(_GRAMMAR, parser="lalr", maybe_placeholders=True)
_LENGTH_LIMIT = 500


class ParseError(ValueError):
    """This is not a metric condition."""


class Truth(StrEnum):
    """Absent and NaN are neither true nor false."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Condition:
    """One comparison of a metric, or of its increase or rate over a window, with a number."""

    metric: str
    function: str | None
    operator: str
    threshold: float
    window: str | None

    def judge(self, metrics: Mapping[str, Any]) -> tuple[Truth, str]:
        """Compare with what was observed; the reason says what was seen."""
        if self.function is not None:
            return Truth.UNKNOWN, f"{self.metric} {self.function} needs a time series"
        value = _number(metrics.get(self.metric))
        if value is None:
            return Truth.UNKNOWN, f"{self.metric} was not observed"
        holds = _COMPARE[self.operator](value, self.threshold)
        seen = f"{self.metric} is {value:g} ({self.operator} {self.threshold:g})"
        return (Truth.TRUE if holds else Truth.FALSE), seen


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return None if math.isnan(number) else number


class _ToCondition(Transformer[Token, Condition]):
    def start(self, items: list[Token | None]) -> Condition:
        metric, function, compare, number, _unit, window = (
            None if item is None else str(item) for item in items
        )
        assert metric and compare and number  # noqa: S101  the grammar makes them mandatory
        threshold = float(number)
        if math.isinf(threshold):
            raise OverflowError(number)
        return Condition(metric, function, compare, threshold, window)


@lru_cache(maxsize=4096)
def parse_condition(text: str) -> Condition:
    """Parse one condition.

    Raises:
        ParseError: the text is not of one of the three forms.
    """
    if len(text) > _LENGTH_LIMIT:
        raise ParseError(f"a condition has at most {_LENGTH_LIMIT} characters")
    try:
        tree = _PARSER.parse(text)  # pyright: ignore[reportUnknownMemberType]
        return _ToCondition().transform(tree)
    except (LarkError, RecursionError, OverflowError) as error:
        raise ParseError(
            f"{text!r} is not a condition; write for example `error_rate_pct > 1` or "
            "`ws_reconnection_count increase > 3 in 5m`"
        ) from error


_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)$")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(text: str) -> float:
    """Seconds of `500ms`, `8s`, `5m`, `24h`, `7d`.

    Raises:
        ParseError: the text is no such duration.
    """
    found = _DURATION.match(text.strip())
    if found is None:
        raise ParseError(f"{text!r} is not a duration; write for example 500ms, 8s, 5m or 24h")
    return float(found[1]) * _SECONDS[found[2]]
