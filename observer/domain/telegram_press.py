"""A press of a button under a question: what it says, and whether it counts."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, cast

_DATA = re.compile(r"(approve|reject):([A-Za-z0-9_.:-]{1,56})")

KEPT_S = 86400.0
"""For how long Telegram keeps an update that nobody fetched."""


@dataclass(frozen=True)
class Press:
    """Who pressed what, and where."""

    query_id: str
    user_id: str
    chat_id: str
    data: str

    @property
    def by(self) -> str:
        """The author of the answer, for the records."""
        return f"telegram:{self.user_id}"


@dataclass(frozen=True)
class Choice:
    """A person's answer to one question."""

    approval_id: str
    type: Literal["approve", "reject"]


def press_of(update: Any) -> Press | None:
    """The press that an update tells of; nothing else of an update is read."""
    query = _mapping(_mapping(update).get("callback_query"))
    user = _mapping(query.get("from")).get("id")
    chat = _mapping(_mapping(query.get("message")).get("chat")).get("id")
    query_id, data = query.get("id"), query.get("data")
    if not isinstance(query_id, str) or not isinstance(data, str):
        return None
    if not isinstance(user, int) or not isinstance(chat, int):
        return None
    return Press(query_id, str(user), str(chat), data)


def choice_of(press: Press, *, chat_id: str, approvers: Collection[str]) -> Choice | str:
    """What a press decides; or why it does not count, in words for who pressed."""
    if press.chat_id != chat_id:
        return "this chat answers nothing here"
    if approvers and press.user_id not in approvers:
        return "you are not among the approvers"
    found = _DATA.fullmatch(press.data)
    if found is None:
        return "this button means nothing here"
    return Choice(found[2], "approve" if found[1] == "approve" else "reject")


def offset_after(handled: int | None, handled_at: float, now: float) -> int | None:
    """Where to go on reading; None: from the oldest that is kept.

    After a week of silence Telegram counts on from anywhere, so an old number leads nowhere.
    """
    return None if handled is None or now - handled_at > KEPT_S else handled + 1


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
