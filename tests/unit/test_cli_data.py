"""`observer data delete` asks before, and never by surprise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from observer.cli import data
from observer.cli.app import app

FOUND = {"tenant_id": "acme", "sessions": 3, "open": 1, "younger": 2, "incidents": 4}


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float, bool]]:
    """What was ordered: whose data, how old, and whether only to look."""
    given: list[tuple[str, float, bool]] = []

    def order(tenant: str, age_s: float, dry_run: bool, *_: Any) -> tuple[dict[str, Any], bool]:
        given.append((tenant, age_s, dry_run))
        return {**FOUND, "dry_run": dry_run}, True

    monkeypatch.setattr(data, "_order", order)
    return given


def run(*args: str, said: str = "") -> Result:
    return CliRunner().invoke(app, ["data", "delete", "--tenant", "acme", *args], input=said)


Orders = list[tuple[str, float, bool]]


def test_it_shows_what_would_go_and_a_no_deletes_nothing(orders: Orders) -> None:
    done = run("--older-than", "90d", said="n\n")
    assert done.exit_code == 1 and "3 sessions would go" in done.output
    assert "1 sessions stay: they are open" in done.output
    assert orders == [("acme", 90 * 86400.0, True)]


def test_a_yes_deletes(orders: Orders) -> None:
    assert "little by little" in run(said="y\n").output
    assert orders == [("acme", 0.0, True), ("acme", 0.0, False)]


def test_a_dry_run_asks_nothing_and_deletes_nothing(orders: Orders) -> None:
    assert json.loads(run("--dry-run", "--json").stdout)["dry_run"] is True
    assert orders == [("acme", 0.0, True)]


def test_a_program_says_yes_beforehand(orders: Orders) -> None:
    assert run("--json").exit_code == 2
    assert run("--json", "--yes").exit_code == 0
    assert orders[-1] == ("acme", 0.0, False)


def test_an_age_that_is_none_is_refused(orders: Orders) -> None:
    assert run("--older-than", "soon").exit_code == 2
    assert orders == []
