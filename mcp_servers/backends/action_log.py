"""The write-ahead log: an action happened once its line is on disk, whatever dies afterwards.

An action's line carries its key, its first result and the change it makes. A second line,
`{"applied": key}`, follows when the change has reached its file. A log that ends without that
second line is the trace of a crash, and its change is made good before anything else happens.
Every method expects its caller to hold the folder's lock.
"""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from mcp_servers.backends.durable_files import UnreadableFile, sync_folder


class SetStage(BaseModel):
    """A stage takes a status. `before` is the state file's mtime when this was decided."""

    kind: Literal["set_stage"] = "set_stage"
    stage: str
    status: str
    before: int | None = None


class AppendItem(BaseModel):
    """A list file gains an item, known by its `id`."""

    kind: Literal["append"] = "append"
    file: Literal["incidents.json", "alerts.json"]
    item: dict[str, Any]


Change = SetStage | AppendItem


class LoggedAction(BaseModel):
    key: str
    action: str
    target: str
    args: dict[str, Any]
    result: dict[str, Any]
    at: str
    change: Change | None = Field(default=None, discriminator="kind")


class ActionLog:
    """The log as far as it has been read; only what others have added since is read again.

    In memory is where each key's line stands, not the line: a log grows for ever.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._forget()

    def _forget(self) -> None:
        self._line_of: dict[str, tuple[int, int]] = {}
        self._counts: Counter[str] = Counter()
        self._unapplied: dict[str, LoggedAction] = {}
        self._offset = 0
        self._inode: int | None = None

    @property
    def unapplied(self) -> list[LoggedAction]:
        return list(self._unapplied.values())

    def find(self, key: str) -> LoggedAction | None:
        if key not in self._line_of:
            return None
        begin, length = self._line_of[key]
        with self._path.open("rb") as log:
            log.seek(begin)
            return LoggedAction.model_validate_json(log.read(length))

    def count(self, action: str) -> int:
        return self._counts[action]

    def append(self, action: LoggedAction) -> None:
        self._write(action.model_dump())

    def mark_applied(self, key: str) -> None:
        self._write({"applied": key})

    def catch_up(self) -> None:
        """Read what was added since the last look, and cut off a line that a crash tore."""
        try:
            log = self._path.open("r+b")
        except FileNotFoundError:
            self._forget()
            return
        with log:
            seen = os.fstat(log.fileno())
            if seen.st_ino != self._inode or seen.st_size < self._offset:
                self._forget()
                self._inode = seen.st_ino
            if seen.st_size == self._offset:
                return
            log.seek(self._offset)
            added = log.read()
            whole = added[: added.rfind(b"\n") + 1]
            if len(whole) < len(added):
                log.truncate(self._offset + len(whole))
                os.fsync(log.fileno())
        for line in whole.splitlines(keepends=True):
            self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            fields = json.loads(line)
            if "applied" in fields:
                self._unapplied.pop(fields["applied"], None)
            else:
                action = LoggedAction.model_validate(fields)
                if action.key not in self._line_of:
                    self._line_of[action.key] = self._offset, len(line)
                    self._counts[action.action] += 1
                    self._unapplied[action.key] = action
        except (ValueError, TypeError, ValidationError) as error:
            at = f"{self._path}, byte {self._offset}"
            raise UnreadableFile(f"{at}: not a line of the action log: {error}") from error
        self._offset += len(line)

    def _write(self, fields: dict[str, Any]) -> None:
        line = (json.dumps(fields) + "\n").encode()
        is_new = not self._path.exists()
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "ab") as log:
            log.write(line)
            log.flush()
            os.fsync(log.fileno())
            self._inode = os.fstat(log.fileno()).st_ino
        if is_new:
            sync_folder(self._path.parent)
        self._take(line)
