"""What arrives: nothing untrusted is a mention, a link or a command; nothing secret is in it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from mcp_servers.channels.github import marks
from mcp_servers.channels.slack import inert
from tests.channels.scenes import CALLS, HOOK, ISSUE, PAGE, World, over_stdio, tools, world
from tests.doubles.http_server import Asked, Reply

HOSTILE = "<!channel> <@U1> <https://evil.example|bank> https://evil.example @acme/admins ``` #1"


@pytest.fixture
def far() -> Iterator[World]:
    with world() as doubles:
        yield doubles


@pytest.mark.asyncio
async def test_only_configured_channels_have_a_tool(far: World, tmp_path: Path) -> None:
    """Case 70: and no tool takes a channel, an address or a chat as an argument."""
    none = dict.fromkeys(("pagerduty", "telegram", "github", "webhook"))
    async with tools(far, tmp_path, **none) as ask:
        few = {tool.name for tool in (await ask.session.list_tools()).tools}
    async with tools(far, tmp_path) as ask:
        all_of_them = (await ask.session.list_tools()).tools

    assert few == {"post_slack_message", "find_notification"}
    assert {tool.name for tool in all_of_them} == {*CALLS, "find_notification"}
    for tool in all_of_them:
        arguments = set(tool.inputSchema["properties"])
        assert arguments == {*CALLS.get(tool.name, {}), "idempotency_key"} | (
            {"approval_id"} if tool.name == "send_telegram_message" else set()
        )
        assert tool.annotations is not None and tool.outputSchema is not None
        assert tool.annotations.readOnlyHint is (tool.name == "find_notification")


@pytest.mark.asyncio
@pytest.mark.parametrize("api", [False, True])
async def test_slack_shows_untrusted_text_without_mention_or_link(
    far: World, tmp_path: Path, api: bool
) -> None:
    """Case 60."""
    slack = far.slack_api() if api else far.channels["slack"]
    async with tools(far, tmp_path, slack=slack) as ask:
        await ask("post_slack_message", message=HOSTILE + " &lt;b&gt; &amp;", idempotency_key="k")

    [message] = far.slack.messages
    assert not re.search(r"[<>]|://", message["text"])
    assert message["text"].endswith("&lt;b&gt; &amp;"), "escaped once, not twice"
    assert message["parse"] == "none" and message["mrkdwn"] is False
    assert not any(message[name] for name in ("link_names", "unfurl_links", "unfurl_media"))


def test_a_long_message_is_cut_and_not_refused() -> None:
    assert len(inert("<" * 1_000_000)) < 40_000


@pytest.mark.asyncio
async def test_a_megabyte_reaches_every_channel_within_its_limits(
    far: World, tmp_path: Path
) -> None:
    """Case 71: the doubles refuse what is too long, as the real ones do."""
    long = "\U0001f600" * 100_000
    async with tools(far, tmp_path) as ask:
        await ask("post_slack_message", message=long, idempotency_key="1")
        await ask("page_pagerduty", **{**PAGE, "summary": long}, idempotency_key="2")
        await ask("send_telegram_message", message=long, idempotency_key="3")
        issue = {**ISSUE, "title": long, "body": long}
        await ask("open_github_issue", **issue, idempotency_key="4")
        await ask("post_webhook", **{**HOOK, "body": long}, idempotency_key="5")
    assert all(far.arrived(tool) == 1 for tool in CALLS)


@pytest.mark.asyncio
async def test_telegram_shows_the_text_as_it_was_with_buttons_only_for_a_question(
    far: World, tmp_path: Path
) -> None:
    async with tools(far, tmp_path) as ask:
        await ask("send_telegram_message", message="a &lt; b\nc *d*", idempotency_key="1")
        approval = {"message": "do it?", "approval_id": "a1b2"}
        await ask("send_telegram_message", **approval, idempotency_key="2")

    told, asked = far.telegram.messages
    assert told["text"] == "a < b\nc *d*" and told["chat_id"] == "-1001"
    assert not {"parse_mode", "reply_markup"} & set(told)
    [[yes, no]] = asked["reply_markup"]["inline_keyboard"]
    assert (yes["callback_data"], no["callback_data"]) == ("approve:a1b2", "reject:a1b2")


@pytest.mark.asyncio
@pytest.mark.parametrize("approval_id", ["x" * 57, "a b", "a\nb"])
async def test_a_button_holds_an_id_and_nothing_else(
    far: World, tmp_path: Path, approval_id: str
) -> None:
    """Case 65."""
    async with tools(far, tmp_path) as ask:
        said = await ask.complaint(
            "send_telegram_message", message="m", approval_id=approval_id, idempotency_key="k"
        )
    assert "validation error" in said and not far.telegram.messages


@pytest.mark.asyncio
async def test_an_issue_shows_untrusted_text_fenced_and_a_forged_marker_is_none(
    far: World, tmp_path: Path
) -> None:
    """Case 60: neither leaves its fence, nor steals the news of another incident."""
    async with tools(far, tmp_path / "a") as ask:
        await ask("open_github_issue", **ISSUE, idempotency_key="k-1")
        forged = far.github.issues[0]["body"]
        bad = {**ISSUE, "incident_key": "bad", "body": f"{HOSTILE}\n````\n{forged}"}
        await ask("open_github_issue", **{**bad, "title": "a\nb"}, idempotency_key="k-2")
        far.github.issues.pop(0)
        # Somebody gave our label to an issue of their own, which quotes one of ours.
        quoting = {**far.github.issues[0], "number": 2, "body": f"see {forged}"}
        far.github.issues.append(quoting)
    async with tools(far, tmp_path / "b") as ask:
        again = await ask("open_github_issue", **ISSUE, idempotency_key="k-3")

    hostile = far.github.issues[0]
    fence = hostile["body"].splitlines()[1].removesuffix("text")
    assert fence == "`" * 5 and hostile["body"].count(fence) == 2
    assert hostile["body"].endswith(fence + "\n")
    assert hostile["title"] == "a b" and marks(forged)
    assert again["result"] == "opened" and not far.github.comments


@pytest.mark.asyncio
async def test_a_webhook_gets_json_and_the_key_in_a_header(far: World, tmp_path: Path) -> None:
    async with tools(far, tmp_path) as ask:
        await ask("post_webhook", **HOOK, idempotency_key="k")

    [asked] = far.webhook.asked
    assert asked.path == "/in" and asked.headers["idempotency-key"] == "k"
    assert asked.headers["authorization"] == "Bearer canary-hook-token"
    assert asked.json == {**HOOK, "idempotency_key": "k"}


@pytest.mark.asyncio
@pytest.mark.parametrize("channel", ["pagerduty", "telegram", "github", "webhook"])
async def test_a_link_local_address_is_never_connected_to(
    far: World, tmp_path: Path, channel: str
) -> None:
    """Case 61."""
    settings = far.channels[channel]
    address = "url" if channel == "webhook" else "api_url"
    tool = {
        "pagerduty": "page_pagerduty",
        "telegram": "send_telegram_message",
        "github": "open_github_issue",
        "webhook": "post_webhook",
    }[channel]
    changed = {channel: {**settings, address: "http://169.254.169.254/latest"}}
    async with tools(far, tmp_path, **changed) as ask:
        said = await ask.complaint(tool, **CALLS[tool], idempotency_key="k")
    assert "never connected to" in said


def echo(asked: Asked) -> Reply:
    """Says everything it was told, as misconfigured proxies do."""
    sent = f"{asked.path} {asked.headers.get('authorization', '')}"
    cut = "x" * (165 - len(sent))  # before a secret of which a cut would leave the first half
    words = f"{sent}{cut}{sent} {asked.body.decode()} {quote(asked.path, safe='')}"
    return Reply(500, words.encode())


def written_under(folder: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return b"".join(path.read_bytes() for path in files).decode(errors="replace")


@pytest.mark.slow
@pytest.mark.asyncio
async def test_no_answer_error_log_or_file_holds_a_secret(far: World, tmp_path: Path) -> None:
    """Cases 48 and 70: also where the far side sends them back."""
    said: list[str] = []
    api = {"slack": far.slack_api()}
    for opened in (over_stdio(far, tmp_path), tools(far, tmp_path, **api)):
        async with opened as ask:
            for tool, call in CALLS.items():
                for n, bad in enumerate(([echo], [])):
                    far.far_side(tool).before += bad  # type: ignore[attr-defined]
                    args: dict[str, Any] = {**call, "idempotency_key": f"{tool}-{n}-{len(said)}"}
                    reply = await ask.session.call_tool(tool, args)
                    said.append(reply.model_dump_json())
    everything = "\n".join(said) + written_under(tmp_path)

    assert sum("[masked]" in text for text in said) >= 8
    for name, secret in far.environment.items():
        for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()):
            assert form not in everything, name
    assert "canary" not in everything
