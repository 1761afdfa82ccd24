"""docs/channels.md does what it says: its snippets applied to one copy, its proof run."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from mcp_servers.channels import CHANNELS
from mcp_servers.notification_tools import build_server
from mcp_servers.sections import Sections
from observer.domain.report import NOTICE_WORDS
from observer.settings.channels import Channels
from tests.channels.scenes import World, world
from tests.docs.test_extending import FENCE, ROOT, Snippet, apply, copy
from tests.docs.test_telemetry import run

__all__ = ["copy"]
PAGE = (ROOT / "docs" / "channels.md").read_text()

pytestmark = pytest.mark.slow


def test_following_the_page_tells_somebody(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAGERDUTY_KEY", "TELEGRAM_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "set")
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/x")
    for found in FENCE.finditer(PAGE):
        snippet = Snippet(found["head"], found["text"])
        if snippet.head.endswith("proof"):
            run(copy, "-c", snippet.text)
        else:
            apply(snippet, copy)
    run(copy, "-m", "observer.cli.app", "validate")


def test_every_tool_is_on_the_page_with_its_arguments_and_its_row(tmp_path: Path) -> None:
    with world() as far:
        tools = asyncio.run(server_tools(far, tmp_path))
    assert len(tools) == len(CHANNELS) + 1
    for name, arguments in tools.items():
        assert re.search(rf"^  {name}: {{level: ", PAGE, re.M), f"{name} has no row"
        if name != "find_notification":
            assert f"| `{name}({', '.join(arguments)})` |" in PAGE


async def server_tools(far: World, folder: Path) -> dict[str, list[str]]:
    sections = Sections.model_validate({"channels": far.channels})
    tools = await build_server(sections, far.environment, folder).list_tools()
    return {
        tool.name: [a for a in tool.inputSchema["properties"] if a != "idempotency_key"]
        for tool in tools
    }


@pytest.mark.parametrize("word", NOTICE_WORDS)
def test_every_word_of_escalation_yaml_is_on_the_page(word: str) -> None:
    assert re.search(rf"^\| .*`{word}`", PAGE, re.M)


def test_every_setting_is_on_the_page_and_a_comment_of_the_shipped_file() -> None:
    shipped = (ROOT / "config" / "observer.yaml").read_text()
    for name, field in Channels.model_fields.items():
        assert f"#   {name}: {{" in shipped
        [model] = [part for part in field.annotation.__args__ if hasattr(part, "model_fields")]  # type: ignore[union-attr]
        for setting in model.model_fields:
            assert f"{setting}:" in shipped, f"{name}.{setting}"
            assert setting in PAGE, f"{name}.{setting}"
