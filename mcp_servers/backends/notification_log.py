"""What was sent under which key: a row before the first byte goes out, its result after the answer.

A row without a result is the trace of a crash, or of an answer that never came.
"""

import json
import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_KEPT_S = 90 * 86400.0

_TABLE = """
CREATE TABLE IF NOT EXISTS notifications (
    key TEXT PRIMARY KEY,
    tool TEXT NOT NULL,
    about TEXT NOT NULL,           -- the incident, where the tool is told one
    result TEXT,                   -- NULL until it is known to be delivered
    at REAL NOT NULL
)
"""


@dataclass(frozen=True)
class Sent:
    """One notification that was begun."""

    key: str
    tool: str
    about: str
    result: dict[str, Any] | None
    at: float


class NotificationLog:
    """The log in its folder; every change is on disk before the method returns."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "notifications.db"
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        self._database = sqlite3.connect(path, timeout=5, isolation_level=None)
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute(_TABLE)
        self._database.execute(
            "CREATE INDEX IF NOT EXISTS notifications_about ON notifications (tool, about, at)"
        )
        self._database.execute("DELETE FROM notifications WHERE at < ?", (time.time() - _KEPT_S,))

    def find(self, key: str) -> Sent | None:
        """What is known of a key."""
        return self._first("key = ?", key)

    def latest(self, tool: str, about: str) -> Sent | None:
        """The last delivery of a tool for one incident."""
        where = "tool = ? AND about = ? AND result IS NOT NULL ORDER BY at DESC"
        return self._first(where, tool, about)

    def begin(self, key: str, tool: str, about: str) -> None:
        """It is about to be sent, perhaps once more."""
        self._database.execute(
            "INSERT OR REPLACE INTO notifications (key, tool, about, at) VALUES (?, ?, ?, ?)",
            (key, tool, about, time.time()),
        )

    def delivered(self, key: str, result: dict[str, Any]) -> None:
        """The far side has taken it."""
        self._database.execute(
            "UPDATE notifications SET result = ? WHERE key = ?", (json.dumps(result), key)
        )

    def not_sent(self, key: str) -> None:
        """It certainly did not arrive, so the key is free again."""
        self._database.execute("DELETE FROM notifications WHERE key = ? AND result IS NULL", (key,))

    def _first(self, where: str, *values: str) -> Sent | None:
        row = self._database.execute(
            f"SELECT key, tool, about, result, at FROM notifications WHERE {where} LIMIT 1",  # noqa: S608  only the two above
            values,
        ).fetchone()
        if row is None:
            return None
        key, tool, about, result, at = row
        return Sent(key, tool, about, None if result is None else json.loads(result), at)
