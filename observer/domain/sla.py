"""A promise such as `60s`, `> 80%` or `< 10000 messages`, compared with what its query says."""

from __future__ import annotations

import re
from dataclasses import dataclass

from observer.domain.conditions import ParseError

_THRESHOLD = re.compile(
    r"(?P<operator>>=|<=|==|>|<)?\s*(?P<number>[0-9]{1,15}(?:\.[0-9]{1,9})?)"
    r"\s*(?P<unit>%|[A-Za-z][A-Za-z /_-]{0,40})?"
)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"kb": 1e3, "MB": 1e6, "mb": 1e6, "GB": 1e9, "gb": 1e9}
_PART = {"%": 0.01}
_NAMED: dict[str, tuple[dict[str, float], float]] = {
    "milliseconds": (_SECONDS, 0.001),
    "ms": (_SECONDS, 0.001),
    "ratio": (_PART, 1.0),
    "mb": (_BYTES, 1e6),
}
"""What a metric's name says of its unit, where that is not the one that is compared in."""
_COMPARED: list[tuple[dict[str, float], float, str]] = [
    (_SECONDS, 1.0, "s"),
    (_BYTES, 1.0, "bytes"),
    (_PART, 0.01, "%"),
]
"""The units that are compared in: what the word for one of them is worth."""

_INSIDE = re.compile(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"|'[^']*'")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


@dataclass(frozen=True)
class Promise:
    """The comparison that holds while a promise is kept."""

    operator: str
    threshold: float
    """In the unit in which the query answers."""
    unit: str

    @property
    def condition(self) -> str:
        """The comparison for a health check of the method `promql`."""
        return f"{self.operator} {_figure(self.threshold)}"

    def said_of(self, value: float) -> str:
        """A figure beside what was promised: `73 s (< 60 s)`."""
        unit = self.unit if self.unit in ("", "%") else f" {self.unit}"
        return f"{value:.6g}{unit} ({self.operator} {self.threshold:.6g}{unit})"


def parse_promise(threshold: str, query: str) -> Promise:
    """What a threshold demands of the answer to a query.

    A duration alone is an upper limit. Durations are compared in seconds, sizes in bytes and parts
    in per cent, but where the query is about one metric whose name says another unit of that kind;
    any other word only says what is counted.

    Raises:
        ParseError: the text is no such promise.
    """
    found = _THRESHOLD.fullmatch(threshold.strip())
    unit = (found["unit"] or "").strip() if found is not None else ""
    if found is None or (found["operator"] is None and unit not in _SECONDS):
        raise ParseError(
            f"{threshold!r} cannot be compared with what `query` answers; write for example 60s,"
            " '> 80%' or '< 10000 messages'"
        )
    operator, number = found["operator"] or "<", float(found["number"])
    for words, compared, name in _COMPARED:
        if unit in words:
            size, name = _own_unit(query, words) or (compared, name)
            return Promise(operator, number * words[unit] / size, name)
    return Promise(operator, number, unit)


def _own_unit(query: str, words: dict[str, float]) -> tuple[float, str] | None:
    """The unit of this kind that the query's one metric has in its name."""
    bare = _INSIDE.sub("", query)
    if re.search(r"[-+*/%^]", bare):
        return None
    for name in _NAME.findall(bare):
        word = name.lower().removesuffix("_total").rpartition("_")[2]
        kind, size = _NAMED.get(word, ({}, 0.0))
        if kind is words:
            return size, "" if word == "ratio" else word
    return None


def _figure(value: float) -> str:
    """A number as PromQL's checks take it, without rounding."""
    return repr(value).removesuffix(".0")
