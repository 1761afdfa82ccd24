"""The recorded tools answer as the real ones did, and never by chance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from observer.domain.calls import CallStatus
from observer.domain.eval_case import RecordedCall
from observer.domain.redaction import FieldPolicy, Treatment
from observer.evals.recorded_tools import RecordedTools
from observer.evals.same_calls import SameCalls

NAMES = {"look", "heal", "tell", "shout"}
YEAR_AGO = datetime.now(UTC) - timedelta(days=365)


def call(tool: str, result: Any = None, /, **more: Any) -> RecordedCall:
    purposes = {"look": "read", "heal": "remedy"}
    said: dict[str, Any] = {
        "tool": tool,
        "args": {"stage": "loading"},
        "purpose": purposes.get(tool, "notify"),
        "status": "success",
        "result": result,
        "at": YEAR_AGO,
    }
    return RecordedCall.model_validate(said | more)


def recorded(*calls: RecordedCall) -> RecordedTools:
    kept = {"stage": Treatment.KEEP, "text": Treatment.KEEP}
    same_calls = SameCalls(FieldPolicy(dict.fromkeys(NAMES, kept), {}, b""))
    return RecordedTools(calls, same_calls, tools=NAMES, notices={"tell", "shout"})


async def ask(tools: RecordedTools, tool: str, args: Mapping[str, Any] | None = None) -> Any:
    reply = await tools.call(tool, args or {"stage": "loading"})
    return reply.payload if reply.status is CallStatus.SUCCESS else str(reply.status)


pytestmark = pytest.mark.asyncio


async def test_looks_are_answered_in_order_and_the_last_answer_stays() -> None:
    tools = recorded(call("look", {"n": 1}), call("look", {"n": 2}))
    assert [await ask(tools, "look") for _ in range(4)] == [{"n": 1}, {"n": 2}, {"n": 2}, {"n": 2}]
    assert tools.unrecorded == []


async def test_a_look_before_the_action_never_sees_what_came_after_it() -> None:
    tools = recorded(call("look", {"ill": 1}), call("heal", {}), call("look", {"ill": 0}))
    assert [await ask(tools, "look") for _ in range(3)] == [{"ill": 1}] * 3
    await ask(tools, "heal")
    assert await ask(tools, "look") == {"ill": 0}


async def test_without_the_action_the_world_does_not_heal() -> None:
    tools = recorded(call("heal", {}), call("look", {"ill": 0}))
    assert await ask(tools, "look") == "error"
    assert tools.unrecorded == ["look (stage='loading')"]


async def test_an_action_is_answered_once_and_only_with_its_own_arguments() -> None:
    tools = recorded(call("heal", {"done": True}))
    assert await ask(tools, "heal", {"stage": "indexing"}) == "error"
    assert await ask(tools, "heal", {"stage": "loading", "idempotency_key": "k"}) == {"done": True}
    assert await ask(tools, "heal") == "error"
    assert len(tools.unrecorded) == 2


async def test_what_was_refused_was_never_answered() -> None:
    tools = recorded(call("heal", {"done": True}, status="refused"))
    assert await ask(tools, "heal") == "error"


async def test_people_are_told_whatever_the_words_and_an_unrecorded_notice_is_listed() -> None:
    tools = recorded(call("tell", {"ticket": 7}, args={"text": "as it was then"}))
    assert await ask(tools, "tell", {"text": "as it is now"}) == {"ticket": 7}
    assert await ask(tools, "shout", {"text": "new"}) == {}
    assert tools.unrecorded == ["shout (text='new')"]


async def test_a_channel_fails_as_often_as_it_did() -> None:
    tools = recorded(call("tell", {"ticket": 7}, attempts=3))
    assert [await ask(tools, "tell") for _ in range(3)] == ["error", "error", {"ticket": 7}]
    stays = recorded(call("tell", status="error"))
    assert [await ask(stays, "tell") for _ in range(3)] == ["error"] * 3


async def test_what_was_unclear_stays_unclear_and_the_rest_was_not_done_before() -> None:
    tools = recorded(call("heal", status="unknown"))
    before = await tools.look_up("heal", "k")
    await tools.call("heal", {"stage": "loading", "idempotency_key": "k"})
    assert before is not None and before.payload == {"found": False}
    assert await tools.look_up("heal", "k") is None


async def test_timestamps_are_as_old_as_they_were() -> None:
    line = {"timestamp": YEAR_AGO.isoformat(), "message": f"{YEAR_AGO:%Y-%m-%dT%H:%M:%SZ} ERROR x"}
    answer = await ask(recorded(call("look", {"lines": [line], "n": 3})), "look")
    (moved,) = answer["lines"]
    age = datetime.now(UTC) - datetime.fromisoformat(moved["timestamp"])
    assert age < timedelta(minutes=1)
    assert answer["n"] == 3
    stamp = moved["message"].removesuffix(" ERROR x")
    assert datetime.now(UTC) - datetime.fromisoformat(stamp) < timedelta(minutes=1)
