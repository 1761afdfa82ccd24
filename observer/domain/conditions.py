"""Metric conditions such as `redis_connected_clients > 280`: parsed once, judged three-valued.

The forms are the seed's (002): `x > 280`, `x increase > 3 in 5m`, `x rate > 0`, with label
selectors: `x{group="a"} > 3`. Prometheus is asked for the left side; the comparison is ours.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any, cast

from lark import Lark, Token, Transformer
from lark.exceptions import LarkError

from observer.domain.patterns import compile_pattern
from observer.domain.promql import Label, MatchOperator, selector

_GRAMMAR = r"""
start: NAME ["{" [label ("," label)* [","]] "}"] [FUNCTION] OPERATOR NUMBER [UNIT] ["in" DURATION]
label: LABEL MATCH TEXT
FUNCTION: "increase" | "rate"
OPERATOR: ">=" | "<=" | "==" | "!=" | ">" | "<"
MATCH: "=~" | "!~" | "!=" | "="
UNIT: "%" | "ms" | "s" | "MB"
DURATION: /[0-9]+(ms|s|m|h)/
NAME: /(?!(in|increase|rate)\b)[a-zA-Z_:][a-zA-Z0-9_:]*/
LABEL: /[a-zA-Z_][a-zA-Z0-9_]*/
TEXT: /"([^"\\\n]|\\["\\nt])*"/
NUMBER: /-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?/
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
_DEFAULT_WINDOW = "5m"
_LONGEST_WINDOW_S = 366 * 86400

# What a unit says is taken over where the metric's name says its own unit of the same kind.
_UNITS = {"s": ("time", 1.0), "ms": ("time", 1e-3), "MB": ("size", 1e6), "%": ("part", 0.01)}
_NAMED_UNITS = {
    "seconds": ("time", 1.0),
    "milliseconds": ("time", 1e-3),
    "ms": ("time", 1e-3),
    "bytes": ("size", 1.0),
    "mb": ("size", 1e6),
    "ratio": ("part", 1.0),
    "pct": ("part", 0.01),
    "percent": ("part", 0.01),
}


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
    labels: tuple[Label, ...] = ()

    @cached_property
    def query(self) -> str:
        """The left side in PromQL: what Prometheus is asked, and its place in a table of answers.

        Without a window, increase and rate look at 5 minutes.
        """
        series = selector(self.metric, self.labels)
        if self.function is None:
            return series
        return f"{self.function}({series}[{self.window or _DEFAULT_WINDOW}])"

    def promql(self) -> str:
        """The whole comparison in PromQL, as for an alert rule."""
        return f"{self.query} {self.operator} {repr(self.threshold).removesuffix('.0')}"

    def judge(self, metrics: Mapping[str, Any]) -> tuple[Truth, str]:
        """Compare with what was observed, by query; the reason says what was seen.

        An answer is a number, or the numbers of the series that Prometheus found. None, no number
        and more than one series are unknown.
        """
        answer = metrics.get(self.query)
        if answer is None and self.function is None and not self.labels:
            answer = metrics.get(self.metric)
        if isinstance(answer, Sequence) and not isinstance(answer, str | bytes):
            series = cast("Sequence[Any]", answer)
            if len(series) > 1:
                reason = f"{self.query} has {len(series)} series; name one by its labels"
                return Truth.UNKNOWN, reason
            answer = series[0] if series else None
        value = _number(answer)
        if value is None:
            return Truth.UNKNOWN, f"{self.query} was not observed"
        if math.isnan(value):
            return Truth.UNKNOWN, f"{self.query} is not a number, so it was not observed"
        holds = _COMPARE[self.operator](value, self.threshold)
        seen = f"{self.query} is {value:g} ({self.operator} {self.threshold:g})"
        return (Truth.TRUE if holds else Truth.FALSE), seen


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


class _ToCondition(Transformer[Token, Condition]):
    def label(self, items: list[Token]) -> Label:
        name, how, text = (str(item) for item in items)
        value = re.sub(r"\\(.)", lambda found: _UNESCAPED[found[1]], text[1:-1])
        if how in ("=~", "!~"):
            compile_pattern(value)
        return Label(name, cast("MatchOperator", how), value)

    def start(self, items: list[Token | Label | None]) -> Condition:
        labels = tuple(item for item in items if isinstance(item, Label))
        words = [None if i is None else str(i) for i in items if not isinstance(i, Label)]
        metric, (function, compare, number, unit, window) = words[0], words[-5:]
        assert metric and compare and number  # noqa: S101  the grammar makes them mandatory
        threshold = float(number) * _scale(metric, unit, function)
        if math.isinf(threshold):
            raise ParseError(f"{number} is out of range")
        if window is not None:
            if function is None:
                raise ParseError("a window goes with `increase` or `rate`")
            if not 0 < parse_duration(window) <= _LONGEST_WINDOW_S:
                raise ParseError(f"a window of {window} is out of range")
        selector(metric, labels)
        return Condition(metric, function, compare, threshold, window, labels)


_UNESCAPED = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}


def _scale(metric: str, unit: str | None, function: str | None) -> float:
    """By what a written number is multiplied to be in the metric's own unit."""
    named = _NAMED_UNITS.get(metric.lower().removesuffix("_total").rpartition("_")[2])
    if unit is None or named is None or function == "rate":
        return 1.0
    (kind, size), (named_kind, named_size) = _UNITS[unit], named
    if kind != named_kind:
        raise ParseError(f"{metric} is not counted in {unit}")
    return size / named_size


@lru_cache(maxsize=4096)
def parse_condition(text: str) -> Condition:
    """Parse one condition.

    Raises:
        ParseError: the text is not of one of the three forms.
    """
    if len(text) > _LENGTH_LIMIT:
        raise ParseError(f"a condition has at most {_LENGTH_LIMIT} characters")
    try:
        text.encode()
        tree = _PARSER.parse(text)  # pyright: ignore[reportUnknownMemberType]
        return _ToCondition().transform(tree)
    except (LarkError, RecursionError, OverflowError, UnicodeError) as error:
        cause = getattr(error, "orig_exc", None)
        why = f" ({cause})" if isinstance(cause, ValueError) else ""
        raise ParseError(
            f"{text!r} is not a condition{why}; write for example `error_rate_pct > 1` or "
            "`ws_reconnection_count increase > 3 in 5m`"
        ) from error


_DURATION = re.compile(r"^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)$")
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
