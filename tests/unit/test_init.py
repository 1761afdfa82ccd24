"""`observer init`: a configuration directory to start from, whole and valid as it is written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from observer.cli.app import app
from observer.cli.init import NEXT, Example
from observer.settings import load_configuration

ROOT = Path(__file__).parents[2]


def run(*args: object) -> Result:
    return CliRunner().invoke(app, ["init", *map(str, args)])


@pytest.mark.parametrize("example", Example)
def test_what_is_written_is_valid_unedited(example: Example, tmp_path: Path) -> None:
    done = run("--example", example, tmp_path / "deep" / "config")
    assert done.exit_code == 0, done.stderr
    load_configuration(tmp_path / "deep" / "config")
    for step in NEXT[example]:
        assert step.format(directory=tmp_path / "deep" / "config") in done.stdout


def test_without_a_name_it_is_the_lab(tmp_path: Path) -> None:
    written = json.loads(run(tmp_path / "config", "--json").stdout)
    assert written["example"] == "lab"
    for name in written["files"]:
        shipped = (ROOT / "config" / name).read_text()
        assert (tmp_path / "config" / name).read_text() == shipped


@pytest.mark.parametrize("there", ["a file in it", "a file of its name"])
def test_nothing_is_written_over(there: str, tmp_path: Path) -> None:
    target = tmp_path / "config"
    if there == "a file in it":
        target.mkdir()
    mine = target / "mine.txt" if target.is_dir() else target
    mine.write_text("mine")
    done = run(target)
    assert done.exit_code == 2
    assert "is not empty; choose another directory" in done.stderr
    assert mine.read_text() == "mine"
    assert not target.is_dir() or list(target.iterdir()) == [mine]


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(tmp_path / "file" / "config")
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr


@pytest.mark.slow
def test_an_installed_package_holds_every_file_of_both_examples(tmp_path: Path) -> None:
    source = shutil.copytree(
        ROOT, tmp_path / "source", symlinks=True, ignore=shutil.ignore_patterns(".*", "tests")
    )
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(tmp_path), str(source)], check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    for example in Example:
        shipped = ROOT / "observer" / "examples" / example
        files = [path for path in shipped.rglob("*") if path.is_file()]
        assert files
        for path in files:
            assert f"observer/examples/{example}/{path.relative_to(shipped)}" in held
