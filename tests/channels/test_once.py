"""A notification is delivered once by its key, and nothing is claimed that cannot be told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import McpError

from tests.channels.scenes import CALLS, World, kill_tool_server, over_stdio, tools, world
from tests.doubles.http_server import Reply
from tests.telemetry.scenes import Asker


@pytest.fixture
def far() -> Iterator[World]:
    with world() as doubles:
        yield doubles


async def found(ask: Asker, key: str = "k") -> bool:
    return (await ask("find_notification", idempotency_key=key))["found"]


@pytest.mark.asyncio
@pytest.mark.parametrize("tool", CALLS)
async def test_the_same_key_is_delivered_once_and_answers_as_the_first_time(
    far: World, tmp_path: Path, tool: str
) -> None:
    """Also after a restart of the server, and when both come at the same moment."""
    call = {**CALLS[tool], "idempotency_key": "k"}
    async with tools(far, tmp_path) as ask:
        assert not await found(ask)
        first, again = await asyncio.gather(ask(tool, **call), ask(tool, **call))
    async with tools(far, tmp_path) as ask:
        third = await ask(tool, **call)
        known = await ask("find_notification", idempotency_key="k")

    assert first == again == third == known["result"]
    assert known["found"] and known["tool"] == tool
    assert far.arrived(tool) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("tool", CALLS)
@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(429, b"slow down", {"retry-after": "30"}), "429, to be tried again after 30 s"),
        (Reply(503, b"later"), "503"),
        (Reply(302, b"", {"location": "http://169.254.169.254/"}), "302"),
    ],
)
async def test_a_refusal_is_an_error_and_leaves_the_key_free(
    far: World, tmp_path: Path, tool: str, reply: Reply, words: str
) -> None:
    """Cases 61 and 92: no redirect is followed, and the caller may try again later."""
    call = {**CALLS[tool], "idempotency_key": "k"}
    far.far_side(tool).fails(reply)  # type: ignore[attr-defined]
    async with tools(far, tmp_path) as ask:
        said = await ask.complaint(tool, **call)
        assert not await found(ask)
        before = far.arrived(tool) if tool != "post_webhook" else 0
        await ask(tool, **call)

    assert words in said
    assert before == 0
    assert far.arrived(tool) == (2 if tool == "post_webhook" else 1)


@pytest.mark.asyncio
@pytest.mark.parametrize("tool", CALLS)
async def test_nobody_there_is_an_error_and_leaves_the_key_free(
    far: World, tmp_path: Path, tool: str
) -> None:
    """Case 29: what never began is certainly not delivered."""
    far.far_side(tool).close()
    async with tools(far, tmp_path) as ask:
        said = await ask.complaint(tool, **CALLS[tool], idempotency_key="k")
        assert not await found(ask)
    assert "refuses the connection" in said


@pytest.mark.asyncio
async def test_slacks_no_with_status_200_is_a_failure(far: World, tmp_path: Path) -> None:
    """Case 92."""
    slack = far.slack_api()
    call = {"message": "m", "idempotency_key": "k"}
    far.slack.fails(Reply(200, b'{"ok": false, "error": "ratelimited"}'))
    async with tools(far, tmp_path, slack=slack) as ask:
        assert "ratelimited" in await ask.complaint("post_slack_message", **call)
        assert not await found(ask)
        await ask("post_slack_message", **call)
    assert far.slack.texts == ["m"]


def hangs_up() -> Reply:
    raise ConnectionAbortedError


@pytest.mark.asyncio
@pytest.mark.parametrize("tool", ["post_slack_message", "send_telegram_message"])
async def test_whether_it_arrived_is_not_guessed(far: World, tmp_path: Path, tool: str) -> None:
    """Guarantee 3: the connection broke after the effect, and nobody can be asked."""
    call = {**CALLS[tool], "idempotency_key": "k"}
    far.far_side(tool).after.append(hangs_up)  # type: ignore[attr-defined]
    async with tools(far, tmp_path) as ask:
        await ask.complaint(tool, **call)
        assert "cannot be told" in await ask.complaint("find_notification", idempotency_key="k")
        assert "cannot be told" in await ask.complaint(tool, **call)
    assert far.arrived(tool) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("channel", ["#data-pipeline", "C0123456789"])
@pytest.mark.parametrize("arrived", [True, False])
async def test_slacks_api_is_asked_what_arrived(
    far: World, tmp_path: Path, channel: str, arrived: bool
) -> None:
    """Where only the channel's name is known, an earlier message has told its id."""
    async with tools(far, tmp_path, slack=far.slack_api(channel)) as ask:
        await ask("post_slack_message", message="first", idempotency_key="k-0")
        (far.slack.after if arrived else far.slack.before).append(lambda *_: hangs_up())
        await ask.complaint("post_slack_message", message="m", idempotency_key="k")

        assert await found(ask) is arrived
        await ask("post_slack_message", message="m", idempotency_key="k")
    assert far.slack.texts == ["first", "m"]


@pytest.mark.asyncio
async def test_pages_of_one_incident_are_one_incident_there(far: World, tmp_path: Path) -> None:
    """And one whose answer was lost is sent again, which joins it."""
    page = CALLS["page_pagerduty"]
    far.pagerduty.after.append(hangs_up)
    async with tools(far, tmp_path) as ask:
        await ask.complaint("page_pagerduty", **page, idempotency_key="k")
        assert not await found(ask)
        await ask("page_pagerduty", **page, idempotency_key="k")
        await ask("page_pagerduty", **page, idempotency_key="k-2")
        await ask("page_pagerduty", **{**page, "incident_key": "x" * 900}, idempotency_key="k-3")

    assert len(far.pagerduty.incidents) == 2
    assert len(far.pagerduty.incidents["default/one"]) == 3
    [event, *_] = far.pagerduty.incidents["default/one"]
    assert event["payload"]["severity"] == "critical"


@pytest.mark.asyncio
async def test_an_incident_has_one_issue_and_its_news_are_comments(
    far: World, tmp_path: Path
) -> None:
    """Also where our own log is lost, and the issue was closed meanwhile."""
    issue = CALLS["open_github_issue"]
    async with tools(far, tmp_path / "a") as ask:
        first = await ask("open_github_issue", **issue, idempotency_key="k-1")
        far.github.issues[0]["state"] = "closed"
        await ask("open_github_issue", **issue, idempotency_key="k-2")
    async with tools(far, tmp_path / "b") as ask:
        third = await ask("open_github_issue", **issue, idempotency_key="k-3")
        other = await ask(
            "open_github_issue", **{**issue, "incident_key": "other"}, idempotency_key="k-4"
        )

    assert first["incident_id"] == third["incident_id"] == "acme/pipeline#1"
    assert other["incident_id"] == "acme/pipeline#2"
    assert [number for number, _ in far.github.comments] == [1, 1]


@pytest.mark.asyncio
async def test_an_issue_that_is_gone_is_opened_anew(far: World, tmp_path: Path) -> None:
    issue = CALLS["open_github_issue"]
    async with tools(far, tmp_path) as ask:
        await ask("open_github_issue", **issue, idempotency_key="k-1")
        far.github.issues.clear()
        await ask("open_github_issue", **issue, idempotency_key="k-2")
    assert len(far.github.issues) == 1 and not far.github.comments


@pytest.mark.asyncio
@pytest.mark.slow
@pytest.mark.parametrize("what", ["issue", "comment"])
async def test_killed_between_issue_and_record_it_is_found_by_its_marker(
    far: World, tmp_path: Path, what: str
) -> None:
    """Case 1: one issue, one comment, whatever dies between effect and record."""
    issue = CALLS["open_github_issue"]
    async with over_stdio(far, tmp_path) as doomed:
        if what == "comment":
            await doomed("open_github_issue", **issue, idempotency_key="k-0")
        far.github.after.append(kill_tool_server)
        with pytest.raises(McpError, match="Connection closed"):
            await doomed.session.call_tool("open_github_issue", {**issue, "idempotency_key": "k"})
    before = far.arrived("open_github_issue")

    async with over_stdio(far, tmp_path) as survivor:
        assert await found(survivor)
        again = await survivor("open_github_issue", **issue, idempotency_key="k")

    assert again["result"] == {"issue": "opened", "comment": "commented"}[what]
    assert far.arrived("open_github_issue") == before
    assert len(far.github.issues) == 1


@pytest.mark.asyncio
async def test_one_key_for_two_notifications_is_refused(far: World, tmp_path: Path) -> None:
    async with tools(far, tmp_path) as ask:
        await ask("post_slack_message", message="m", idempotency_key="k")
        said = await ask.complaint("send_telegram_message", message="m", idempotency_key="k")
    assert "belongs to post_slack_message" in said
    assert not far.telegram.messages
