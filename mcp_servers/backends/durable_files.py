"""Files that survive a kill -9: one lock a folder, whole files replaced, private to their owner."""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HALF_WRITTEN = ".half-written-"


class UnreadableFile(ValueError):
    """A file of the pipeline holds something that it must not."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder alone, against other threads as much as against other processes."""
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def sync_folder(folder: Path) -> None:
    """Make the folder's names durable: a new or replaced file is nowhere until this is done."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, value: Any) -> None:
    """Replace the whole file or nothing of it."""
    handle, half_written = tempfile.mkstemp(prefix=HALF_WRITTEN, dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(value, out, indent=2)
            out.write("\n")
            out.flush()
            os.fsync(out.fileno())
        Path(half_written).replace(path)
    except BaseException:
        Path(half_written).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"{path} is not valid JSON: {error}") from error


def sweep_half_written(folder: Path) -> None:
    """Remove what writers killed midway left behind. The caller holds the lock."""
    for left_over in folder.glob(f"{HALF_WRITTEN}*"):
        left_over.unlink(missing_ok=True)
