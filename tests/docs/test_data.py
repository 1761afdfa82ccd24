"""The page on the records names every export with its columns, and every command of it exists."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from observer.cli.app import app
from observer.cli.data import EVERYTHING
from observer.records.export import COLUMNS, Form, What
from tests.observer_process import ROOT

PAGE = (ROOT / "docs" / "data.md").read_text()
MARKS = {"": Form.TEXT, "(i)": Form.INTEGER, "(n)": Form.NUMBER, "(j)": Form.JSON}


def test_every_export_is_on_the_page_and_offered() -> None:
    table = PAGE.partition("| `--what` | one row is |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.M) == EVERYTHING.split(",") == list(What)


@pytest.mark.parametrize("what", list(What))
def test_its_columns_are_the_ones_on_the_page(what: What) -> None:
    table = PAGE.partition("| `--what` | columns |")[2]
    (row,) = re.findall(rf"^\| `{what}` \| (.*) \|$", table, re.M)
    columns = re.findall(r"`(\w+)`(\(\w\))?", row)
    assert {name: MARKS[mark] for name, mark in columns} == COLUMNS[what]


@pytest.mark.parametrize("words", re.findall(r"^\$ observer (\w+ \w+)(.*?)(?: +#.*)?$", PAGE, re.M))
def test_every_command_takes_the_options_of_the_page(words: tuple[str, str]) -> None:
    command, rest = words
    told = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0
    assert [option for option in re.findall(r"--[a-z-]+", rest) if option not in told.output] == []
