"""docs/known-errors.md does what it says: its known error loads, its tables and code are true."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from observer.domain.conditions import parse_condition
from observer.domain.literals import TooBroad, mandatory_literals
from observer.domain.mining import mine
from observer.settings import load_configuration
from observer.settings.known_errors_file import STEPS, Fix, FixStep, KnownErrorRow, SignatureRow

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "known-errors.md").read_text()


YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)


def table(head: str) -> list[list[str]]:
    """The rows of the table with this heading, without their ticks."""
    (found,) = re.findall(rf"^\| {head} \|.*\n\|-.*\n((?:\|.*\n)+)", PAGE, re.M)
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in found.splitlines()]
    return [[c.strip().replace("\\|", "|") for c in row] for row in cells]


def unticked(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_its_known_error_loads(tmp_path: Path) -> None:
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    (config / "known_errors.yaml").write_text(YAML[0])
    (known,) = load_configuration(config).known_errors
    assert known.signature.condition == parse_condition("error_rate_pct > 1")
    assert known.remedy is not None
    assert [step.tool for step in known.remedy.steps] == ["restart_stage"]


def test_its_rollback_loads(tmp_path: Path) -> None:
    config = example_config(tmp_path)
    before, _, rest = YAML[0].partition("    fix:\n")
    whole = f"{before}{YAML[1]}    severity:{rest.partition('    severity:')[2]}"
    whole = whole.replace("node: loading", "node: redis_instance")
    (config / "known_errors.yaml").write_text(whole)
    (known,) = load_configuration(config).known_errors
    assert known.remedy is not None
    (undo,) = known.remedy.rollback
    assert undo.args["value"] == "24gb"


def example_config(folder: Path) -> Path:
    """The example's tree and known errors, with a row for each tool that they call."""
    config = shutil.copytree(ROOT / "config", folder / "config")
    shutil.copytree(ROOT / "docs" / "examples", config, dirs_exist_ok=True)
    with (config / "autonomy.yaml").open("a") as rows:
        for tool in ("container_exec", "redis_config_set", "redis_kill_idle_clients"):
            rows.write(f"  {tool}: {{level: known_pattern, blast_radius: 2}}\n")
    return config


def test_the_example_loads_beside_the_examples_tree_and_stays_within_its_limits(
    tmp_path: Path,
) -> None:
    loaded = load_configuration(example_config(tmp_path))
    found = {known.id: known for known in loaded.known_errors}
    assert list(found) == ["ke-001", "ke-002", "ke-003", "ke-006"]
    assert found["ke-002"].remedy is not None
    assert found["ke-002"].remedy.calls == ()
    for known in found.values():
        for call in known.remedy.calls if known.remedy is not None else ():
            if call.tool == "redis_config_set":
                limits = loaded.tree.nodes[call.args["node"]].pointers["limits"]
                assert limits[call.args["parameter"]] == call.args["value"]


def test_the_page_leads_to_the_example() -> None:
    assert "](examples/known_errors.yaml)" in PAGE


def test_every_key_of_the_file_is_on_the_page() -> None:
    rows = (KnownErrorRow, SignatureRow, Fix, FixStep)
    keys = {key for row in rows for key in row.model_fields} - {"signature", "fix"}
    tables = [*table("key"), *table("action")]
    written = {word.rpartition(".")[2] for row in tables for c in row for word in unticked(c)}
    assert keys - written == {"action", "purpose"}


def test_every_type_and_step_is_on_the_page_with_its_keys() -> None:
    types = get_args(Fix.model_fields["type"].annotation)
    assert [unticked(row[0]) for row in table("type")] == [[kind] for kind in types]
    steps = {tuple(unticked(row[0])): tuple(unticked(row[1])) for row in table("action")}
    assert steps == {(): ("args",)} | {(name,): keys for name, keys in STEPS.items()}


@pytest.mark.parametrize("row", table("condition"), ids=lambda row: row[0])
def test_a_condition_is_asked_of_prometheus_as_the_page_says(row: list[str]) -> None:
    ((condition,), (query,)) = (unticked(cell) for cell in row)
    assert parse_condition(condition).query == query


@pytest.mark.parametrize("row", table("pattern"), ids=lambda row: row[0])
def test_a_pattern_has_the_fixed_text_that_the_page_says(row: list[str]) -> None:
    (pattern,), texts = unticked(row[0]), unticked(row[1])
    if row[1] == "too broad":
        with pytest.raises(TooBroad):
            mandatory_literals(pattern)
    else:
        assert mandatory_literals(pattern) == set(texts)


@pytest.mark.parametrize("row", table("line"), ids=lambda row: row[0])
def test_a_line_teaches_the_pattern_that_the_page_says(row: list[str]) -> None:
    (line,) = unticked(row[0])
    mined = mine([line], [])
    assert (mined.pattern if mined else "none") == row[1].strip("`")


def test_its_code_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
