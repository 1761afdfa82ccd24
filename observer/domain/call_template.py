"""A call with words to be filled in, as configuration writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field

from observer.domain.calls import Call
from observer.domain.event import Severity
from observer.domain.queries import in_query


class Data(BaseModel):
    """A part of a configuration file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


CALL_WORDS = ("stage", "node", "severity")
LOG_WORDS = (*CALL_WORDS, "container", "loki_query")
CONDITION_WORDS = ("query",)
_WORD = re.compile(r"\{(\w+)\}")


class CallTemplate(Data):
    """A tool with arguments in which `{stage}` and its like are filled in."""

    tool: str
    args: dict[str, Any] = Field(default_factory=dict)

    def fill(self, *, stage: str, severity: Severity) -> Call:
        """The call for one stage."""
        return self.filled(call_words(stage, severity))

    def filled(self, words: Mapping[str, str]) -> Call:
        """The call with these words."""
        return Call(self.tool, _fill(self.args, words))


def call_words(stage: str, severity: Severity) -> dict[str, str]:
    """What every template may use."""
    return {"stage": stage, "node": stage, "severity": str(severity)}


def _fill(value: Any, words: Mapping[str, str], name: str = "") -> Any:
    """A value with its words filled in, at any depth; quoted where they are part of a `query`."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value)
        return {key: _fill(item, words, key) for key, item in items.items()}
    if isinstance(value, list):
        return [_fill(item, words, name) for item in cast("list[Any]", value)]
    if not isinstance(value, str):
        return value

    def word(found: re.Match[str]) -> str:
        filled = words.get(found[1], found[0])
        quoted = name == "query" and found[1] in ("stage", "node", "container")
        return in_query(filled) if quoted else filled

    return _WORD.sub(word, value)
