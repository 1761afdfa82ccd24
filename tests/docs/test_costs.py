"""docs/costs.md says what is so."""

from __future__ import annotations

import re

from typer.testing import CliRunner

from observer.cli.app import app
from observer.domain.costs import By, columns
from observer.settings.prices import OWN_TABLE, PUBLIC_LIST
from observer.settings.schema import Retention
from tests.observer_process import ROOT

PAGE = (ROOT / "docs" / "costs.md").read_text()


def test_every_option_is_explained() -> None:
    help_text = CliRunner().invoke(app, ["costs", "--help"]).stdout
    explained = re.findall(r"`(--[a-z]+)`", PAGE.partition("| option |")[2].partition("\n\n")[0])
    offered = set(re.findall(r"(--[a-z-]+)", help_text)) - {"--help", "--data-dir"}
    assert set(explained) == offered


def test_the_columns_are_those_of_the_page() -> None:
    sentence = PAGE.partition("The CSV has the columns")[2].partition("always in this order")[0]
    assert re.findall(r"`(\w+)`", sentence) == columns(tuple(By))


def test_the_price_lists_and_the_retention_are_those_of_the_page() -> None:
    assert f"`price_table` is `{OWN_TABLE}`" in PAGE
    assert f"`price_table` is `{PUBLIC_LIST}` with" in PAGE
    assert f"`retention.days` ({Retention().days:g})" in PAGE


def test_the_make_target_writes_the_file_that_the_page_names() -> None:
    makefile = (ROOT / "Makefile").read_text()
    target = makefile.partition("\ncost-summary:")[2].partition("\n\n")[0]
    assert "observer costs" in target
    assert "--csv runs/cost-summary.csv" in target
