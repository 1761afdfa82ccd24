"""Only a button of ours, pressed in the right chat by the right person, decides anything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.telegram_press import (
    KEPT_S,
    Choice,
    Press,
    choice_of,
    offset_after,
    press_of,
)

PRESS = Press("q", "7", "-1001", "approve:a1b2")
UPDATE: dict[str, Any] = {
    "update_id": 5,
    "callback_query": {
        "id": "q",
        "from": {"id": 7},
        "message": {"message_id": 1, "chat": {"id": -1001}, "text": "approve:evil"},
        "data": "approve:a1b2",
    },
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                ["callback_query", "id", "from", "message", "chat", "data", "update_id"]
            ),
            inner,
        )
    ),
)


def test_a_press_is_read_and_nothing_else_of_its_message() -> None:
    assert press_of(UPDATE) == PRESS


@given(JSON)
def test_no_update_breaks_the_reader(update: Any) -> None:
    found = press_of(update)
    assert found is None or isinstance(found, Press)


@pytest.mark.parametrize("missing", ["id", "from", "message", "data"])
def test_an_update_that_lacks_something_is_no_press(missing: str) -> None:
    query = {k: v for k, v in UPDATE["callback_query"].items() if k != missing}
    assert press_of({"update_id": 5, "callback_query": query}) is None


@pytest.mark.parametrize(
    ("press", "approvers", "counts"),
    [
        (PRESS, [], True),
        (PRESS, ["7"], True),
        (PRESS, ["8"], False),
        (replace(PRESS, chat_id="-1002"), [], False),
        (replace(PRESS, chat_id="-1002"), ["7"], False),
    ],
)
def test_who_and_where_decide_whether_it_counts(
    press: Press, approvers: list[str], counts: bool
) -> None:
    choice = choice_of(press, chat_id="-1001", approvers=approvers)
    assert (choice == Choice("a1b2", "approve")) is counts
    assert counts or isinstance(choice, str)


@pytest.mark.parametrize(
    "data", ["", "approve", "approve:", "edit:a", "approve:a b", "approve:a\n"]
)
def test_other_words_on_a_button_decide_nothing(data: str) -> None:
    assert isinstance(choice_of(replace(PRESS, data=data), chat_id="-1001", approvers=[]), str)


@given(st.text())
def test_only_the_two_words_decide(data: str) -> None:
    choice = choice_of(replace(PRESS, data=data), chat_id="-1001", approvers=[])
    if isinstance(choice, Choice):
        assert data == f"{choice.type}:{choice.approval_id}"


def test_reading_goes_on_after_what_was_handled_unless_that_is_long_ago() -> None:
    assert offset_after(None, 0.0, 1000.0) is None
    assert offset_after(5, 1000.0, 1000.0 + KEPT_S) == 6
    assert offset_after(5, 1000.0, 1001.0 + KEPT_S) is None
