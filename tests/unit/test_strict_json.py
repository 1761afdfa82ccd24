"""JSON as the RFC has it: what two parsers could read differently is refused with 400."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from observer.errors import PayloadRejected
from observer.sources.strict_json import decode

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**50), 10**50)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b"[Infinity]", "Infinity is not a JSON number"),
        (b"-Infinity", "-Infinity is not a JSON number"),
        (b"1e999", "too large"),
        (b"[-1e400]", "too large"),
        (b"9" * 5000, "a number of 5000 digits"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": {"b": 1, "\\u0062": 2}}', "twice"),
        (b'{"a": "\\ud800"}', "surrogates"),
        (b'{"\\udfff": 1}', "surrogates"),
        (b'"\xed\xa0\x80"', "utf-8"),
        (b"\xff\xfe{}", "utf-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"[" * 200_000, "nested deeper than 32"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "nested deeper than 32"),
        (b"", "Expecting value"),
        (b"   ", "Expecting value"),
        (b"{} {}", "Extra data"),
        (b"{'a': 1}", "property name"),
        (b'{"a": 1,}', "property name"),
        (b'"a\nb"', "control character"),
        (b"01", "Extra data"),
        (b"stage=loading&message=x", "Expecting value"),
    ],
)
def test_what_is_not_json_is_refused_with_400_and_its_reason(body: bytes, complaint: str) -> None:
    """Case 56."""
    started = time.thread_time()
    with pytest.raises(PayloadRejected) as refusal:
        decode(body)
    assert time.thread_time() - started < 0.05
    assert (refusal.value.status, refusal.value.field) == (400, "(body)")
    assert complaint.lower() in str(refusal.value).lower()


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        (b"[" * 32 + b"]" * 32, None),
        (b'"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["', "[" * 38),
        (b'"\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["', '"' + "[" * 36),
        (b'{"a": {"x": 1}, "b": {"x": 2}}', {"a": {"x": 1}, "b": {"x": 2}}),
        (b"9" * 100, int("9" * 100)),
        (b"1e308", 1e308),
    ],
)
def test_what_is_json_is_read_whole(body: bytes, value: Any) -> None:
    assert decode(body) == value or value is None


@given(VALUES)
def test_every_json_value_reads_back_as_it_was_written(value: Any) -> None:
    assert decode(json.dumps(value).encode()) == value
    assert decode(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\ud8001eE+-.NaInfity ').map(str.encode))
@example(b'{"a":1e99999999999999999999}')
def test_any_bytes_are_read_or_refused_and_what_is_read_can_be_written(body: bytes) -> None:
    try:
        value = decode(body)
    except PayloadRejected:
        return
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
