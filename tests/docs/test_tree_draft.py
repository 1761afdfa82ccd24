"""docs/dependency-tree.md drafts what it says from the supervisord.conf that it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from observer.cli.app import app

SECTION = (Path(__file__).parents[2] / "docs" / "dependency-tree.md").read_text()
SECTION = SECTION.split("## Draft it from supervisord")[1].split("\n## ")[0]


def fence(kind: str) -> str:
    (text,) = re.findall(rf"^```{kind}\n(.*?)^```$", SECTION, re.M | re.S)
    return text


def test_its_command_drafts_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("supervisord.conf").write_text(fence("ini"))
    program, *arguments = fence("sh").split()
    assert program == "observer"

    drafted = CliRunner().invoke(app, arguments)

    assert drafted.exit_code == 0
    assert fence("yaml draft") in drafted.stdout
    assert "stays" not in drafted.stdout
    Path("dependency_tree.yaml").write_text(drafted.stdout)
    checked = CliRunner().invoke(app, ["tree", "check", "--config", "."])
    assert (checked.exit_code, "sla" in checked.stderr) == (2, True)
