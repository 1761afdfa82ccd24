"""The page on the journal has every kind of line that the code writes, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from observer.cli.app import app
from observer.domain.journal_kinds import Kind
from tests.observer_process import ROOT

PAGE = (ROOT / "docs" / "journal.md").read_text()
KINDS = {
    kind: set(re.findall(r"`(\w+)`", fields))
    for kind, fields in re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", PAGE, re.M)
}
"""The fields of each kind, by the page."""
KINDS["notification"] = KINDS["observation"]
COMPUTED = {
    "observer/records/ledger.py": ("observation", "notification"),
    "graph/build.py": ("classified", "ruling", "decision"),
}
"""Where the kind stands in a variable."""
COMMON = {"seq", "prev_hash", "hash", "ts", "tenant_id", "session_id", "trace_id", "kind"}


def written(module: Path) -> Iterator[tuple[str, set[str]]]:
    """The kinds that a module appends to the journal, each with the fields named in the call."""
    for call in ast.walk(ast.parse(module.read_text())):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        owner = ast.unparse(call.func.value)
        if call.func.attr == "append" and owner.endswith("journal") and len(call.args) > 1:
            kind, fields = call.args[1], {keyword.arg for keyword in call.keywords} - {None}
            if isinstance(kind, ast.Constant):
                kinds: tuple[str, ...] = (str(kind.value),)
            else:
                kinds = COMPUTED[str(module.relative_to(ROOT))]
            yield from ((kind, fields - COMMON) for kind in kinds)


def test_the_page_has_a_row_for_each_kind_and_no_other() -> None:
    assert set(KINDS) == set(Kind)


def test_what_the_code_writes_are_exactly_these_kinds_with_these_fields() -> None:
    folders = [ROOT / name for name in ("observer", "nodes", "graph")]
    modules = [module for folder in folders for module in folder.rglob("*.py")]
    appended = [line for module in modules for line in written(module)]
    assert {kind for kind, _ in appended} == set(Kind)
    assert [(kind, fields - KINDS[kind]) for kind, fields in appended if fields - KINDS[kind]] == []


@pytest.mark.parametrize("command", re.findall(r"^\$ observer (journal \w+)", PAGE, re.M))
def test_every_command_of_the_page_exists(command: str) -> None:
    assert CliRunner().invoke(app, [*command.split(), "--help"]).exit_code == 0
