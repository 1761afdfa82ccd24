"""What the channel tests say again and again."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.shared.memory import create_connected_server_and_client_session

from mcp_servers.notification_tools import build_server
from mcp_servers.sections import Sections
from tests.doubles.channel_servers import (
    BOT_TOKEN,
    GITHUB_TOKEN,
    ROUTING_KEY,
    SLACK_TOKEN,
    WEBHOOK_PATH,
    Channel,
    GitHubDouble,
    PagerDutyDouble,
    SlackDouble,
    TelegramDouble,
)
from tests.doubles.http_server import HttpDouble, Reply
from tests.observer_process import ROOT
from tests.telemetry.scenes import Asker

PAGE = {"summary": "s", "severity": "CRITICAL", "incident_key": "default/one"}
ISSUE = {"title": "t", "body": "b", "incident_key": "default/one"}
HOOK = {"title": "t", "body": "b", "severity": "WARNING", "incident_key": "default/one"}
CALLS: dict[str, dict[str, Any]] = {
    "post_slack_message": {"message": "m"},
    "page_pagerduty": PAGE,
    "send_telegram_message": {"message": "m"},
    "open_github_issue": ISSUE,
    "post_webhook": HOOK,
}
"""A call of each tool, without its key."""


@dataclass(frozen=True)
class World:
    """The far sides."""

    slack: SlackDouble
    pagerduty: PagerDutyDouble
    telegram: TelegramDouble
    github: GitHubDouble
    webhook: HttpDouble

    @property
    def environment(self) -> dict[str, str]:
        """The secrets."""
        return {
            "SLACK_WEBHOOK_URL": f"{self.slack.url}{WEBHOOK_PATH}",
            "SLACK_TOKEN": SLACK_TOKEN,
            "PAGERDUTY_KEY": ROUTING_KEY,
            "TELEGRAM_TOKEN": BOT_TOKEN,
            "GITHUB_TOKEN": GITHUB_TOKEN,
            "HOOK_TOKEN": "canary-hook-token",
        }

    @property
    def channels(self) -> dict[str, Any]:
        """The section, Slack by its webhook."""
        return {
            "slack": {"webhook_url_env": "SLACK_WEBHOOK_URL"},
            "pagerduty": {"routing_key_env": "PAGERDUTY_KEY", "api_url": self.pagerduty.url},
            "telegram": {
                "token_env": "TELEGRAM_TOKEN",
                "chat_id": "-1001",
                "api_url": self.telegram.url,
            },
            "github": {
                "repo": "acme/pipeline",
                "token_env": "GITHUB_TOKEN",
                "api_url": self.github.url,
            },
            "webhook": {"url": f"{self.webhook.url}/in", "token_env": "HOOK_TOKEN"},
        }

    def slack_api(self, channel: str = "#data-pipeline") -> dict[str, Any]:
        """Slack by its API."""
        return {
            "token_env": "SLACK_TOKEN",
            "channel": channel,
            "api_url": f"{self.slack.url}/api",
        }

    def far_side(self, tool: str) -> HttpDouble:
        """Where a tool's calls arrive."""
        return {
            "post_slack_message": self.slack,
            "page_pagerduty": self.pagerduty,
            "send_telegram_message": self.telegram,
            "open_github_issue": self.github,
            "post_webhook": self.webhook,
        }[tool]

    def arrived(self, tool: str) -> int:
        """How many of a tool's effects there are."""
        match tool:
            case "post_slack_message":
                return len(self.slack.messages)
            case "page_pagerduty":
                return sum(map(len, self.pagerduty.incidents.values()))
            case "send_telegram_message":
                return len(self.telegram.messages)
            case "open_github_issue":
                return len(self.github.issues) + len(self.github.comments)
        return len(self.webhook.asked)


class Hook(Channel):
    """A webhook that takes everything."""

    def respond(self, asked: Any) -> Reply:
        return Reply(204)


@contextmanager
def world() -> Iterator[World]:
    """The far sides, all up."""
    with ExitStack() as stack:
        doubles = [SlackDouble(), PagerDutyDouble(), TelegramDouble(), GitHubDouble(), Hook()]
        for double in doubles:
            stack.enter_context(double)
        yield World(*doubles)  # type: ignore[arg-type]


@asynccontextmanager
async def tools(world: World, folder: Path, **changed: Any) -> AsyncIterator[Asker]:
    """The server in this process, with these channels."""
    sections = Sections.model_validate({"channels": {**world.channels, **changed}})
    server = build_server(sections, world.environment, folder)
    async with create_connected_server_and_client_session(server) as session:
        yield Asker(session)


@asynccontextmanager
async def over_stdio(world: World, folder: Path, **changed: Any) -> AsyncIterator[Asker]:
    """The server as a process of its own; what it writes to stderr is kept in `folder`."""
    told = {"channels": {**world.channels, **changed}}
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "mcp_servers.notification_tools", "--data-dir", str(folder)],
        cwd=ROOT,
        env={"OBSERVER_SECTIONS": json.dumps(told), **world.environment},
    )
    with (folder / "stderr").open("a") as log:
        async with stdio_client(parameters, log) as streams, ClientSession(*streams) as session:
            await session.initialize()
            yield Asker(session)


def kill_tool_server() -> None:
    """kill -9 for this process's notification server."""
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    for child in " ".join(path.read_text() for path in children).split():
        if b"notification_tools" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(int(child), signal.SIGKILL)
            return
    raise AssertionError("there is no tool server to kill")
