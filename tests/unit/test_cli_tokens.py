"""`observer token` while no daemon runs: its records are written under the directory's lock."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from observer.cli.app import app
from observer.records.data_dir import DataDir

CONFIG = Path(__file__).parents[2] / "config"
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No observer of the developer's; what a command sets is taken back after the test."""
    for name in ("URL", "TOKEN", "DATA_DIR", "CONFIG"):
        monkeypatch.setenv(f"OBSERVER_{name}", "")
        monkeypatch.delenv(f"OBSERVER_{name}")
    monkeypatch.chdir(tmp_path)


def token(*args: str, url: str = NOBODY) -> Result:
    places = ["--url", url, "--config", str(CONFIG), "--data-dir", "var"]
    result = CliRunner().invoke(app, ["token", *args, *places])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_stdout_is_the_token_and_nothing_else() -> None:
    made = token("add", "root", "--role", "admin")
    assert (made.exit_code, made.stdout.count("\n")) == (0, 1)
    assert re.fullmatch(r"obs_[\w-]{43}\n", made.stdout)
    assert "root, admin for all tenants" in made.stderr
    assert made.stdout.strip() not in made.stderr


def test_a_token_is_made_listed_and_revoked_by_name_or_id() -> None:
    token("add", "root", "--role", "admin")
    args = ("--role", "viewer", "--tenant", "acme", "--expires", "90d", "--json")
    ann = json.loads(token("add", "ann", *args).stdout)
    assert (ann["role"], ann["tenant_id"]) == ("viewer", "acme")
    assert ann["expires_at"] - ann["created_at"] == pytest.approx(90 * 86400)
    assert json.loads(token("revoke", ann["id"], "--json").stdout)["counts"] is False
    assert token("revoke", "root").exit_code == 0
    listed = json.loads(token("list", "--json").stdout)["tokens"]
    assert [(one["name"], one["counts"]) for one in listed] == [("root", False), ("ann", False)]
    table = token("list").stdout
    assert "revoked" in table
    assert ann["token"] not in table + json.dumps(listed)


@pytest.mark.parametrize(
    ("args", "code", "why"),
    [
        (("add", "ann", "--role", "viewer"), 1, "first token must be an admin's"),
        (("add", "ann", "--role", "god"), 2, "'god' is not one of"),
        (("add", "ann", "--role", "admin", "--expires", "soon"), 2, "expires: "),
        (("add", "ann", "--role", "admin", "--expires", "0s"), 2, "expires: "),
        (("add", "two words", "--role", "admin"), 2, "name: "),
        (("add", "ann", "--role", "admin", "--tenant", "a/b"), 2, "tenant_id: "),
        (("revoke", "ann"), 2, "no observer's data here"),
        (("list",), 2, "no observer's data here"),
    ],
)
def test_what_cannot_be_done_says_why(args: tuple[str, ...], code: int, why: str) -> None:
    result = token(*args)
    assert (result.exit_code, result.stdout) == (code, "")
    assert why in result.stderr


def test_a_directory_that_another_process_has_is_not_written_to() -> None:
    token("add", "root", "--role", "admin")
    held = DataDir(Path("var"))
    held.lock()
    try:
        result = token("add", "ann", "--role", "viewer")
    finally:
        held.unlock()
    assert result.exit_code == 2
    assert "is held by process" in result.stderr


def test_an_observer_on_another_machine_has_no_tokens_on_our_disk() -> None:
    result = token("add", "root", "--role", "admin", url="http://observer.invalid:9")
    assert result.exit_code == 1
    assert "No observer answers" in result.stderr
    assert not Path("var").exists()
