"""docs/evals.md says what is so: the fields of a row, the keys of a label, the shipped cases."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from observer.cli.app import app
from observer.domain.eval_case import Label
from observer.evals.staging import FASTER

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "evals.md").read_text()


def named(heading: str) -> set[str]:
    """What the first column of the table below a heading names."""
    table = PAGE.split(f"## {heading}")[1].split("|---|---|\n")[1].split("\n\n")[0]
    return {
        name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }


@pytest.mark.parametrize("file", ["lab.jsonl", "stack.jsonl"])
def test_every_field_of_a_row_is_explained_and_no_other(file: str) -> None:
    rows = [json.loads(line) for line in (ROOT / "evals" / file).read_text().splitlines()]
    for row in rows:
        assert set(row) - {"label"} == named("The rows")
    assert f"`evals/{file}` " in PAGE.replace("`evals/lab.jsonl` has", "`evals/lab.jsonl` ")
    assert re.search(rf"`evals/{file}`[^0-9]*{len(rows)} ", PAGE)
    keys = {key for row in rows for call in row["tool_calls"] for key in call}
    assert all(f"`{key}`" in PAGE for key in keys)


def test_every_key_of_a_label_is_explained_and_no_other() -> None:
    assert named("The labels") == set(Label.model_fields)


def test_the_clock_is_as_fast_as_the_page_says() -> None:
    assert f"waits are {FASTER:,} times shorter" in PAGE


def test_every_command_on_the_page_exists() -> None:
    groups = {group.name: group.typer_instance for group in app.registered_groups}
    evals = {
        c.name or c.callback.__name__ for c in groups["evals"].registered_commands if c.callback
    }
    assert set(re.findall(r"observer evals (\w+)", PAGE)) == evals
    commands = {c.callback.__name__ for c in app.registered_commands if c.callback}
    assert "feedback" in commands
    assert "evals:" in (ROOT / "Makefile").read_text()
