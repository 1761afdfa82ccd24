"""What was meant to be done, and how it ended, by idempotency key: one file an action.

The intent is on disk before anything happens, the outcome after. An intent without an outcome is
the trace of a crash, and only the world can tell what became of it.
"""

import asyncio
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync
from pydantic import BaseModel, ValidationError

from mcp_servers.backends.durable_files import (
    UnreadableFile,
    locked,
    read_json,
    sweep_half_written,
    write_json,
)

_LOOK_AGAIN_S = 0.05


class Record(BaseModel):
    """One action. `before` is what was seen of the world when it was intended."""

    key: str
    tool: str
    target: str
    args: dict[str, Any]
    reason: str = ""
    at: str
    before: dict[str, Any]
    result: dict[str, Any] | None = None
    failure: str | None = None

    @property
    def ended(self) -> bool:
        """Whether it is known how it ended."""
        return self.result is not None or self.failure is not None


class ActionRecords:
    """A folder of records. What has ended stays as it is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for needed in (folder, folder / "actions", folder / "locks"):
            needed.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(folder):
            sweep_half_written(folder / "actions")

    @asynccontextmanager
    async def alone(self, target: str) -> AsyncIterator[None]:
        """Nobody else acts on the target: an action that is under way ends, or dies, first."""
        name = self._folder / "locks" / _digest(target)
        lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(_LOOK_AGAIN_S)
            yield
        finally:
            os.close(lock)

    async def find(self, key: str) -> Record | None:
        """What is known of a key.

        Raises:
            UnreadableFile: its file holds something else.
        """
        return await run_sync(self._find, key)

    async def keep(self, record: Record) -> None:
        """Write a record down; it is durable when this returns."""
        await run_sync(self._keep, record)

    def _file(self, key: str) -> Path:
        return self._folder / "actions" / f"{_digest(key)}.json"

    def _keep(self, record: Record) -> None:
        # A server that starts beside us sweeps what is half written; it waits for this lock.
        with locked(self._folder):
            write_json(self._file(record.key), record.model_dump(exclude_none=True))

    def _find(self, key: str) -> Record | None:
        path = self._file(key)
        if not path.exists():
            return None
        try:
            return Record.model_validate(read_json(path))
        except ValidationError as error:
            raise UnreadableFile(f"{path} is no record of an action") from error


class Replaced:
    """The value that each setting had before it was last changed here: the way back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "replaced.json"

    async def value(self, setting: str) -> str | None:
        """What a setting was; None where nothing of it was changed."""
        return (await run_sync(self._read)).get(setting)

    async def keep(self, setting: str, value: str) -> None:
        """Remember what a setting was."""
        await run_sync(self._keep, setting, value)

    def _read(self) -> dict[str, str]:
        return read_json(self._path) if self._path.exists() else {}

    def _keep(self, setting: str, value: str) -> None:
        with locked(self._folder):
            write_json(self._path, {**self._read(), setting: value})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]
