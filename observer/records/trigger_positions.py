"""How far the triggers have come: a schedule's moment, a file's position. Survives any crash."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from observer.records.database import Connection, Database


@dataclass(frozen=True)
class FilePosition:
    """Up to where a file's lines have become events, or which contents it had."""

    file: str
    """Its identity (device and inode), or its path where whole contents are watched."""
    path: str
    """Where it was last seen."""
    generation: int
    """When it was first seen or began anew, in Unix nanoseconds: an inode is used again."""
    position: int = 0
    """In bytes, or how many changes of the contents there were."""
    mark: str = ""
    """The digest of the bytes before the position, or of the contents; empty for unknown."""
    skipping: bool = False
    """Whether the position is inside a line that was too long."""


class TriggerPositions:
    """The one writer of `triggers` and `watched_files`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin_ticks(self, definitions: Mapping[str, str], now: float) -> dict[str, float]:
        """Up to when each schedule's ticks are dealt with, in Unix time.

        A schedule that is new, or another one than before, begins now; one that is no more is
        forgotten.
        """

        def work(connection: Connection) -> dict[str, float]:
            _forget_others(connection, "cron", definitions)
            for name, definition in definitions.items():
                connection.execute(
                    "INSERT INTO triggers VALUES ('cron', ?, ?, ?) ON CONFLICT DO NOTHING",
                    (name, definition, now),
                )
            rows = connection.execute("SELECT name, upto FROM triggers WHERE kind = 'cron'")
            return {row["name"]: row["upto"] for row in rows}

        return await self._database.write(work)

    async def dealt_with(self, name: str, upto: float) -> None:
        """A schedule's ticks up to a moment have been raised or let go."""
        await self._database.write(
            lambda c: c.execute(
                "UPDATE triggers SET upto = ? WHERE kind = 'cron' AND name = ?", (upto, name)
            )
        )

    async def begin_files(self, definitions: Mapping[str, str]) -> set[str]:
        """Which triggers have looked before. One that is new, or another one than before, has not;
        what is no more is forgotten."""

        def work(connection: Connection) -> set[str]:
            _forget_others(connection, "files", definitions)
            connection.execute(
                "DELETE FROM watched_files WHERE trigger_name NOT IN"
                " (SELECT name FROM triggers WHERE kind = 'files')"
            )
            rows = connection.execute("SELECT name FROM triggers WHERE kind = 'files'")
            return {row["name"] for row in rows}

        return await self._database.write(work)

    async def of_files(self, trigger: str) -> dict[str, FilePosition]:
        """A trigger's files, by identity."""
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT file, path, generation, position, mark, skipping FROM watched_files"
                " WHERE trigger_name = ?",
                (trigger,),
            ).fetchall()
        )
        return {file.file: file for file in map(_position, rows)}

    async def first_look(self, trigger: str, definition: str, files: list[FilePosition]) -> None:
        """Where each file stood when the trigger began; from now on another file is a new one."""

        def work(connection: Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO triggers (kind, name, definition) VALUES ('files', ?, ?)",
                (trigger, definition),
            )
            for file in files:
                _put(connection, trigger, file)

        await self._database.write(work)

    async def put(self, trigger: str, file: FilePosition) -> None:
        """A file's position, once everything before it is accepted."""
        await self._database.write(lambda c: _put(c, trigger, file))

    async def forget(self, trigger: str, files: list[str]) -> None:
        """These files are gone."""
        await self._database.write(
            lambda c: c.executemany(
                "DELETE FROM watched_files WHERE trigger_name = ? AND file = ?",
                [(trigger, _name(file)) for file in files],
            )
        )


def _put(connection: Connection, trigger: str, file: FilePosition) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO watched_files VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            trigger,
            _name(file.file),
            _name(file.path),
            file.generation,
            file.position,
            file.mark,
            int(file.skipping),
        ),
    )


def _position(row: Mapping[str, Any]) -> FilePosition:
    return FilePosition(
        file=os.fsdecode(row["file"]),
        path=os.fsdecode(row["path"]),
        generation=row["generation"],
        position=row["position"],
        mark=row["mark"],
        skipping=bool(row["skipping"]),
    )


def _name(path: str) -> str | bytes:
    """As it is stored: a name that is not UTF-8 as the bytes that it is made of."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def _forget_others(connection: Connection, kind: str, definitions: Mapping[str, str]) -> None:
    rows = connection.execute("SELECT name, definition FROM triggers WHERE kind = ?", (kind,))
    for row in rows.fetchall():
        if definitions.get(row["name"]) != row["definition"]:
            connection.execute(
                "DELETE FROM triggers WHERE kind = ? AND name = ?", (kind, row["name"])
            )
