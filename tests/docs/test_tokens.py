"""docs/tokens.md has a row for every route, and what stands in it is what the code does."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

import server
from observer.cli.app import app
from observer.domain.access import Role
from observer.web.access import DOCUMENTATION, OPEN, Needs, doors
from tests.observer_process import ROOT

PAGE = (ROOT / "docs" / "tokens.md").read_text()
HEAD = f"| route | {' | '.join(Role)} | a tenant's token |"
GUARDED = {door: needs for door, needs in doors(server.app).items() if door not in OPEN}


def row(door: str, needs: list[Needs]) -> str:
    """What the page must say of a route."""
    if door in DOCUMENTATION:
        cells = ["yes"] * len(Role) + ["yes"]
    else:
        cells = ["yes" if all(one.admits(role) for one in needs) else "" for role in Role]
        cells.append("no" if any(one.whole for one in needs) else "its own")
    return re.sub(r" +", " ", f"| `{door}` | {' | '.join(cells)} |")


def rows() -> list[str]:
    """What the page says."""
    return [re.sub(r" +", " ", line) for line in PAGE.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("door", sorted(GUARDED))
def test_every_route_has_its_row(door: str) -> None:
    expected = row(door, GUARDED[door])
    assert expected in rows(), f"add to docs/tokens.md:\n{expected}"


def test_the_page_knows_no_other_route_and_has_the_roles_in_their_order() -> None:
    assert HEAD in PAGE
    assert {line.split("`")[1] for line in rows()} == set(GUARDED)


@pytest.mark.parametrize("door", sorted(OPEN))
def test_what_stays_open_is_named(door: str) -> None:
    assert f"`{door}`" in PAGE


@pytest.mark.parametrize("command", sorted({*re.findall(r"^\$ observer (token \w+)", PAGE, re.M)}))
def test_every_command_of_the_page_exists(command: str) -> None:
    assert CliRunner().invoke(app, [*command.split(), "--help"]).exit_code == 0
