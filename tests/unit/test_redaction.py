"""Secrets are masked wherever they stand; ids that an audit needs are not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.redaction import MASK, Redactor
from tests.card_numbers import cards, is_card

SECRET = "s3cr3t-Canary.+*"
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers().filter(lambda number: not is_card(str(number)))
    | st.text(alphabet="abc" + SECRET, max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("kv"), inner, max_size=4),
    max_leaves=12,
)


@given(st.text(), st.text())
def test_a_held_secret_is_masked_inside_any_text(before: str, after: str) -> None:
    """Case 48."""
    assert SECRET not in Redactor([SECRET]).text(before + SECRET + after)


@given(VALUES)
def test_no_value_at_any_depth_keeps_a_held_secret(value: Any) -> None:
    """Case 48."""
    clean = Redactor([SECRET]).value({"a": value, "b": [SECRET, {"c": f"x{SECRET}y"}]})
    assert SECRET not in json.dumps(clean)


@given(VALUES)
def test_what_holds_no_secret_is_left_as_it_is(value: Any) -> None:
    redactor = Redactor(["never in there"])
    assert redactor.value(value) == value


@given(st.integers(10**11, 10**20) | cards().map(int), st.text("kv"))
def test_a_number_without_a_telling_label_goes_exactly_if_it_is_a_cards(
    number: int, key: str
) -> None:
    left = "[redacted:card]" if is_card(str(number)) else number
    assert Redactor([]).value({key: number}) == {key: left}


def test_of_two_secrets_that_overlap_the_longer_is_masked_whole() -> None:
    assert Redactor(["abcdef", "abcdefgh"]).text("abcdefgh") == MASK


def test_a_secret_is_text_and_not_a_pattern() -> None:
    redactor = Redactor(["......."])
    assert redactor.text("harmless") == "harmless"
    assert redactor.text("a.......b") == f"a{MASK}b"


@pytest.mark.parametrize("held", [[], [""], ["a", "12345"]])
def test_an_empty_or_tiny_secret_does_not_mask_everything(held: list[str]) -> None:
    assert Redactor(held).text("a 12345 b") == "a 12345 b"


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "PASSWORD",
        "db_passwd",
        "pass",
        "secret",
        "client_secret",
        "api_key",
        "apikey",
        "x-api-key".replace("-k", "_k"),
        "access_token",
        "Authorization",
        "credentials",
    ],
)
def test_a_telling_key_masks_its_value_whatever_its_type(key: str) -> None:
    value: Any
    for value in ("x", 7, ["x"], {"y": "z"}):
        assert Redactor([]).value({"deep": [{key: value}]}) == {
            "deep": [{key: "[redacted:key-name]"}]
        }


@pytest.mark.parametrize(
    "key",
    [
        "session_id",
        "tenant_id",
        "event_id",
        "trace_id",
        "span_id",
        "idempotency_key",
        "tool_input_hash",
        "approval_id",
        "stage",
        "passed",
        "bypass_reason",
    ],
)
def test_what_an_audit_needs_survives(key: str) -> None:
    """Case 49."""
    assert Redactor([SECRET]).value({key: "4f2a-11"}) == {key: "4f2a-11"}
