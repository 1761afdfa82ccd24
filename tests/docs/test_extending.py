"""docs/extending.md does what it says: every snippet applied to a copy, every proof run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "extending.md"
FENCE = re.compile(r"^```(?P<head>(?:python|yaml)[^\n]*)\n(?P<text>.*?)^```$", re.M | re.S)
PLACE = re.compile(r"file=(?P<file>\S+)(?: (?P<how>after|before|replace)=\"(?P<line>.*)\")?$")
COPIED = ("config", "graph", "mcp_servers", "nodes", "observer", "server.py")

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Snippet:
    head: str
    text: str


def sections() -> dict[str, list[Snippet]]:
    """The page's snippets by section."""
    found: dict[str, list[Snippet]] = {}
    for section in PAGE.read_text().split("\n## ")[1:]:
        title = section.splitlines()[0]
        found[title] = [Snippet(m["head"], m["text"]) for m in FENCE.finditer(section)]
    return found


def apply(snippet: Snippet, copy: Path) -> None:
    place = PLACE.search(snippet.head)
    assert place is not None, snippet.head
    path = copy / place["file"]
    if place["how"] is None:
        assert not path.exists(), f"{path} exists already"
        path.write_text(snippet.text)
        return
    text = path.read_text()
    line = place["line"] + "\n"
    assert text.count(line) == 1, f"{place['file']} must have one line {place['line']!r}"
    replacement = {
        "after": line + snippet.text,
        "before": snippet.text + line,
        "replace": snippet.text,
    }[place["how"]]
    path.write_text(text.replace(line, replacement))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("title", sections())
def test_following_the_page_adds_the_part(title: str, copy: Path) -> None:
    snippets = sections()[title]
    proofs = [s for s in snippets if s.head.endswith("proof")]
    assert proofs, f"{title} proves nothing"
    for snippet in snippets:
        if snippet not in proofs:
            apply(snippet, copy)
    for proof in proofs:
        done = subprocess.run(
            [sys.executable, "-c", proof.text],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert done.returncode == 0, done.stderr
    valid = subprocess.run(
        [sys.executable, "-m", "observer.cli.app", "validate"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert valid.returncode == 0, valid.stderr
