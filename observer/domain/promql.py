"""Names and values as PromQL text: whatever they hold, they stay names and values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

MatchOperator = Literal["=", "!=", "=~", "!~"]

_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_KEYWORD = re.compile(
    "and|atan2|avg|bool|bottomk|by|count|count_values|end|group|group_left|group_right|ignoring|inf"
    "|limit_ratio|limitk|max|min|nan|offset|on|or|quantile|smoothing|start|stddev|stdvar|sum|topk"
    "|unless|without",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Label:
    """A label that must have, or not have, a value."""

    name: str
    operator: MatchOperator
    value: str


def selector(metric: str, labels: Iterable[Label] = ()) -> str:
    """The series of a metric, every label value quoted.

    Raises:
        ValueError: the metric or a label has a name that Prometheus does not take.
    """
    if not _METRIC_NAME.fullmatch(metric):
        raise ValueError(f"{metric!r} is no metric name")
    labels = list(labels)
    for label in labels:
        if not _LABEL_NAME.fullmatch(label.name) or label.name == "__name__":
            raise ValueError(f"{label.name!r} is no label name")
    if _KEYWORD.fullmatch(metric):
        labels, metric = [Label("__name__", "=", metric), *labels], ""
    inside = ",".join(f"{label.name}{label.operator}{quoted(label.value)}" for label in labels)
    return f"{metric}{{{inside}}}" if labels else metric


def quoted(text: str) -> str:
    """A string of PromQL."""
    return '"' + "".join(_ESCAPES.get(character, character) for character in text) + '"'


_ESCAPES = {
    **{chr(code): f"\\x{code:02x}" for code in (*range(0x20), 0x7F)},
    "\n": "\\n",
    "\t": "\\t",
    "\\": "\\\\",
    '"': '\\"',
}
