"""JSON as the RFC has it: no NaN, no duplicate keys, no lone surrogates, no abyss."""

from __future__ import annotations

import json
import math
from typing import Any

from observer.errors import PayloadRejected

_DEPTH_LIMIT = 32
_DIGIT_LIMIT = 100


def decode(body: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        PayloadRejected: with status 400, saying what is not JSON about it.
    """
    try:
        text = body.decode("utf-8")
        _check_depth(text)
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_int=_parse_int,
            parse_float=_parse_float,
            object_pairs_hook=_unique,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (UnicodeError, ValueError, RecursionError) as error:
        what = f"the body is not JSON: {error}"
        raise PayloadRejected(what, field="(body)", status=400) from error
    return value


def _check_depth(text: str) -> None:
    depth = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > _DEPTH_LIMIT:
                raise ValueError(f"nested deeper than {_DEPTH_LIMIT}")
        elif character in "]}":
            depth -= 1


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _parse_int(digits: str) -> int:
    if len(digits) > _DIGIT_LIMIT:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _parse_float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError("a number that is too large")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return value
