"""docs/platform.md does what it says: its snippets applied to one copy, its proof run."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from mcp_servers.platform_tools import build_server
from mcp_servers.sections import Sections
from tests.docs.test_extending import FENCE, ROOT, Snippet, apply, copy
from tests.docs.test_telemetry import run
from tests.platform.test_tools import EVERYTHING, NODES

__all__ = ["copy"]
PAGE = (ROOT / "docs" / "platform.md").read_text()

pytestmark = pytest.mark.slow


def test_following_the_page_acts_on_real_parts(copy: Path) -> None:
    snippets = [Snippet(found["head"], found["text"]) for found in FENCE.finditer(PAGE)]
    for snippet in snippets:
        if snippet.head.endswith("proof"):
            run(copy, "-c", snippet.text)
        else:
            apply(snippet, copy)
    assert snippets[-1].head.endswith("proof")
    run(copy, "-m", "observer.cli.app", "validate")


def test_every_tool_is_on_the_page_with_its_arguments_and_its_row(tmp_path: Path) -> None:
    sections = Sections.model_validate({"platform": EVERYTHING, "nodes": NODES})
    tools = asyncio.run(build_server(sections, tmp_path).list_tools())
    assert len(tools) == 7
    for tool in tools:
        assert re.search(rf"^  {tool.name}: {{level: ", PAGE, re.M), f"{tool.name} has no row"
        if tool.name != "find_platform_action":
            arguments = [a for a in tool.inputSchema["properties"] if a != "idempotency_key"]
            assert f"| `{tool.name}({', '.join(arguments)})` |" in PAGE
            assert f"`{tool.name}`" in PAGE.partition("## At most once")[2]
