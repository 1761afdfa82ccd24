"""docs/dependency-tree.md does what it says: its tree loads, its commands answer so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from observer.cli.app import app
from observer.settings.tree import load_tree
from observer.settings.tree_file import MetricRow, NodeRow, SlaRow

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "dependency-tree.md").read_text()
COMMANDS = re.findall(r"```console\n\$ observer ([^\n]+)\n(.*?)```", PAGE, re.S)


def test_its_tree_is_one(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    (tmp_path / "dependency_tree.yaml").write_text(text)
    tree = load_tree(tmp_path)
    assert set(tree.nodes) == {"consumer", "broker"}
    assert [metric.name for metric in tree.suffering("broker")] == [
        "data_freshness",
        "consumer_lag",
    ]


@pytest.mark.parametrize(("command", "answer"), COMMANDS, ids=[c for c, _ in COMMANDS])
def test_its_commands_answer_so(command: str, answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert CliRunner().invoke(app, command.split()).stdout == answer


@pytest.mark.slow
def test_its_walk_is_the_labs_on_the_first_day(tmp_path: Path) -> None:
    ((command, answer),) = re.findall(r"```text\n\$ observer ([^\n]+)\n(.*?)```", PAGE, re.S)
    program = [sys.executable, "-m", "observer.cli.app", *command.split()]
    done = subprocess.run(
        [*program, "--data-dir", str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == answer


def test_every_key_of_the_file_is_in_its_table() -> None:
    keys = {*NodeRow.model_fields, *MetricRow.model_fields, *SlaRow.model_fields}
    assert {key for key in keys if f"`{key}" not in PAGE and f"{key}:" not in PAGE} == set()
