"""The drawing in the documents is the compiled graph's, and every node is explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from graph.draw import mermaid

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["README.md", "docs/runbook.md"])
def test_the_page_shows_the_graph_as_it_is_compiled(page: str) -> None:
    assert f"```mermaid\n{mermaid()}\n```" in (ROOT / page).read_text()


def test_every_node_is_a_file_and_is_explained() -> None:
    nodes = {path.stem for path in (ROOT / "nodes").glob("*.py")} - {"__init__"}
    explained = (ROOT / "docs" / "runbook.md").read_text()
    drawn = mermaid()
    for node in nodes:
        assert f"| `{node}` |" in explained
        assert f" {node}" in drawn


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.name)
def test_every_configuration_file_is_listed_in_the_readme(path: Path) -> None:
    assert f"| `{path.name}` |" in (ROOT / "README.md").read_text()
