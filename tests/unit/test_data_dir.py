"""The data directory: one owner at a time, and its files for nobody else's eyes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from observer.errors import DataDirLocked, DataDirUnusable
from observer.records.data_dir import DataDir

HOLD = """
import sys, time
from pathlib import Path
from observer.records.data_dir import DataDir
owner = DataDir(Path(sys.argv[1]))
owner.lock()
print("locked", flush=True)
time.sleep(600)
"""
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_second_owner_is_refused_naming_the_first_ones_process(tmp_path: Path) -> None:
    """Case 6."""
    first = DataDir(tmp_path / "var")
    first.lock()
    with pytest.raises(DataDirLocked) as refusal:
        DataDir(tmp_path / "var").lock()
    assert f"held by process {os.getpid()}:" in str(refusal.value)
    assert str(tmp_path / "var" / "observer.lock") in str(refusal.value)
    first.unlock()


def test_a_refused_second_owner_does_not_wipe_the_name_of_the_first(tmp_path: Path) -> None:
    first = DataDir(tmp_path / "var")
    first.lock()
    for _ in range(3):
        with pytest.raises(DataDirLocked, match=str(os.getpid())):
            DataDir(tmp_path / "var").lock()
    first.unlock()


def test_who_only_asks_learns_whether_somebody_has_it_and_takes_nothing(tmp_path: Path) -> None:
    asked, owner = DataDir(tmp_path / "var"), DataDir(tmp_path / "var")
    assert not asked.owned()
    owner.lock()
    assert asked.owned() and asked.owned()
    owner.unlock()
    assert not asked.owned()
    owner.lock()
    owner.unlock()


def test_a_directory_that_was_given_back_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(3):
        owner = DataDir(tmp_path / "var")
        owner.lock()
        owner.unlock()
        owner.unlock()


def test_the_lock_of_a_killed_process_is_free_and_of_a_living_one_is_not(tmp_path: Path) -> None:
    """Case 6: the lock dies with its process, whatever the file still says."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "var")]
    holder = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(DataDirLocked, match=f"held by process {holder.pid}:"):
            DataDir(tmp_path / "var").lock()
    finally:
        holder.kill()
        holder.communicate()
    mine = DataDir(tmp_path / "var")
    mine.lock()
    assert (tmp_path / "var" / "observer.lock").read_text() == str(os.getpid())
    mine.unlock()


@pytest.mark.parametrize("below", ["", "var", "deep/var"])
def test_a_path_that_runs_through_a_file_is_refused_with_a_clear_error(
    tmp_path: Path, below: str
) -> None:
    """Case 18: also as root, who may write to any directory."""
    (tmp_path / "file").write_text("precious")
    path = tmp_path / "file" / below
    with pytest.raises(DataDirUnusable, match="cannot be written to"):
        DataDir(path).lock()
    assert (tmp_path / "file").read_text() == "precious"


def test_what_is_created_is_for_its_owner_only(tmp_path: Path) -> None:
    owner = DataDir(tmp_path / "var")
    owner.lock()
    try:
        (tmp_path / "var" / "later.txt").touch()
        modes = {path.name: path.stat().st_mode & 0o077 for path in tmp_path.rglob("*")}
        assert set(modes) >= {"var", "journal", "spans", "evals", "pipeline", "observer.lock"}
        assert set(modes.values()) == {0}
    finally:
        owner.unlock()


def test_a_new_directory_and_all_above_it_that_are_new_are_on_the_disk_before_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 8: a power cut may take a new directory, whatever was synced in it."""
    synced: set[Path] = set()
    monkeypatch.setattr(
        os, "fsync", lambda handle: synced.add(Path(f"/proc/self/fd/{handle}").readlink())
    )
    owner = DataDir(tmp_path / "deep" / "var")
    owner.lock()
    owner.unlock()
    assert synced == {tmp_path, tmp_path / "deep", tmp_path / "deep" / "var"}
