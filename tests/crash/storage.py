"""Trouble with the disk, made from outside the daemon: full, limited, locked, read-only."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.observer_process import ROOT

PAGE = 4096
DATABASES = ("observer.db", "queue.db", "checkpoints.db")

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


def need_root(what: str) -> None:
    """Mounting needs root: left out on a developer's machine, never in CI."""
    if os.geteuid() != 0:
        if os.environ.get("CI"):
            pytest.fail(f"CI must run this as root: {what}")
        pytest.skip(f"needs root: {what}")


@contextmanager
def mounted(where: Path, *options: str) -> Iterator[None]:
    """Mount something on a folder, and take it off again."""
    where.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", *options, str(where)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """No file of the folder can be written: for root by a mount, for others by its modes."""
    if os.geteuid() == 0:
        with mounted(folder, "--bind", str(folder)):
            subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
            yield
        return
    paths = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in reversed(paths):
        path.chmod(modes[path] & ~0o222)
    try:
        yield
    finally:
        for path in paths:
            path.chmod(modes[path])


@contextmanager
def full(folder: Path, *, pages_left: int) -> Iterator[None]:
    """Leave so many pages of the folder's file system free."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        while (free := shutil.disk_usage(folder).free - pages_left * PAGE) > 0:
            file.write(bytes(min(free, 1 << 20)))
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def files_limited(pid: int, folder: Path, *, pages_left: int) -> Iterator[None]:
    """No file of this one process may grow beyond today's largest log by more than this."""
    largest = max(path.stat().st_size for path in folder.glob("*.db-wal"))
    limit = (largest // PAGE + pages_left) * PAGE
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process has the database for itself."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield
    finally:
        holder.communicate()


def config_with_world(folder: Path, world: Path) -> Path:
    """A copy of the shipped configuration whose tool server keeps its files elsewhere."""
    config = folder / "config"
    shutil.copytree(ROOT / "config", config)
    file = config / "observer.yaml"
    text = file.read_text()
    assert '"{data_dir}/pipeline"' in text
    file.write_text(text.replace("{data_dir}/pipeline", str(world / "pipeline")))
    (world / "pipeline").mkdir(parents=True)
    return config
