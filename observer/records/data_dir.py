"""The data directory: one owner at a time, files for the owner's eyes only."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TextIO

from observer.errors import DataDirLocked, DataDirUnusable
from observer.records.versions import refuse_foreign_files

_TRIES, _RETRY_S = 4, 0.05


class DataDir:
    """Paths of everything we write, and the lock that makes this process their only writer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: TextIO | None = None
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="observer-disk")

    queue = property(lambda self: self.path / "queue.db")
    records = property(lambda self: self.path / "observer.db")
    checkpoints = property(lambda self: self.path / "checkpoints.db")
    journal = property(lambda self: self.path / "journal")
    spans = property(lambda self: self.path / "spans")
    evals = property(lambda self: self.path / "evals" / "candidates.jsonl")
    alarms = property(lambda self: self.path / "alarms")
    heartbeat = property(lambda self: self.path / "heartbeat")

    def owned(self) -> bool:
        """Whether a process has the directory now; true where that cannot be found out."""
        try:
            with (self.path / "observer.lock").open(encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def lock(self) -> None:
        """Take the directory for this process.

        Raises:
            DataDirLocked: another process has it.
            DataDirUnusable: it cannot be created or written to, or holds what this release
                does not understand.
        """
        os.umask(0o077)
        path = self.path / "observer.lock"
        try:
            missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
            self.path.mkdir(parents=True, exist_ok=True)
            for folder in (self.journal, self.spans, self.evals.parent, self.path / "pipeline"):
                folder.mkdir(exist_ok=True)
            for folder in (self.path, *(new.parent for new in missing)):
                sync_directory(folder)
            lock = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise DataDirUnusable(
                f"{self.path} cannot be written to ({error.strerror or error}: {error.filename})."
                " Make it writable for this user, or choose another --data-dir."
            ) from error
        try:
            _take(lock)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise DataDirLocked(
                f"{path} is held by process {holder}: one observer owns a data directory. "
                "Stop that one, or choose another --data-dir."
            ) from error
        self._lock = lock
        try:
            refuse_foreign_files(self.path)
            # Unbuffered: on a full disk a buffer would fail once more when it is closed.
            os.ftruncate(lock.fileno(), 0)
            os.write(lock.fileno(), str(os.getpid()).encode())
        except OSError as error:
            self.unlock()
            raise DataDirUnusable(
                f"{path} cannot be written to ({error.strerror or error}). Free some space."
            ) from error
        except DataDirUnusable:
            self.unlock()
            raise

    async def free_bytes(self) -> int:
        """What the disk has left, asked on a thread of its own: the loop's may all be waiting."""
        loop = asyncio.get_running_loop()
        usage = await loop.run_in_executor(self._aside, shutil.disk_usage, self.path)
        return usage.free

    def refuse_if_held(self) -> None:
        """Say at once what `lock` would say, for a caller who has much to load first.

        Raises:
            DataDirLocked: another process has it.
            DataDirUnusable: this release cannot use it.
        """
        if (self.path / "observer.lock").exists():
            self.lock()
            self.unlock()

    def unlock(self) -> None:
        """Give the directory back."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _take(file: TextIO) -> None:
    """Whoever only asks whether it is locked holds it for a moment, too."""
    for _ in range(_TRIES):
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(_RETRY_S)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def sync_directory(folder: Path) -> None:
    """Wait until the names in a directory are on the disk: syncing a file does not see to its own.

    Raises:
        OSError: the disk says no.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
