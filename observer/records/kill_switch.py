"""The kill switch: after the commit that sets it, no remedy's write starts.

A command sets it, or a file: while `KILL_SWITCH` lies in the data directory, it is on.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from observer.domain.hold import EVERYBODY
from observer.domain.kill_switch import switched_off_by
from observer.errors import RecordsUnavailable
from observer.records.database import Connection, Database
from observer.records.journal import Journal

_FILE = "KILL_SWITCH"
_MOST_BYTES = 65536
_NOTED = "kill switch file"


class KillSwitch:
    """The one writer of `kill_switches`: for all, or for one tenant. It outlives a restart.

    That the file came, changed or went is journaled when it is next looked at: before a remedy is
    ruled on, in the transaction of its intent, and for `/health`.
    """

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal
        self._file = database.path.with_name(_FILE)

    async def turn(self, tenant_id: str | None, *, on: bool) -> bool:
        """Set or lift it for a tenant, or (None) for all; returns whether that changed anything."""
        whom = tenant_id or EVERYBODY

        def work(connection: Connection) -> bool:
            if on:
                changed = connection.execute(
                    "INSERT INTO kill_switches (tenant_id, set_at) VALUES (?, ?)"
                    " ON CONFLICT (tenant_id) DO NOTHING",
                    (whom, time.time()),
                ).rowcount
            else:
                changed = connection.execute(
                    "DELETE FROM kill_switches WHERE tenant_id = ?", (whom,)
                ).rowcount
            if changed:
                self._note(connection, whom, on=on, by="command")
            return bool(changed)

        return await self._database.write(work)

    async def standing(self) -> dict[str, Any]:
        """For whom it is set, tenants or `*`, and for whom of them by command and by the file."""
        by_file = await self._look()
        by_command = await self._database.read(_by_command)
        return {
            "kill_switch": sorted(by_command | by_file),
            "kill_switch_by": {"command": sorted(by_command), "file": sorted(by_file)},
        }

    async def why_refused(self, tenant_id: str) -> str | None:
        """Why no remedy of this tenant may start; None when it may."""
        by_file = await self._look()
        return await self._database.read(lambda c: _why(tenant_id, _by_command(c), by_file))

    def why_refused_in(self, connection: Connection, tenant_id: str) -> str | None:
        """The same, to be asked in the transaction that writes an intent down.

        So nothing slips between; the transaction must commit also where it is refused.
        """
        by_file = _in_file(self._file)
        self._note_file(connection, by_file)
        return _why(tenant_id, _by_command(connection), by_file)

    async def _look(self) -> frozenset[str]:
        by_file, noted = await self._database.read(lambda c: (_in_file(self._file), _noted(c)))
        if by_file != noted:
            # It holds as well while it cannot be written down.
            with suppress(RecordsUnavailable):
                await self._database.write(lambda c: self._note_file(c, by_file))
        return by_file

    def _note_file(self, connection: Connection, by_file: frozenset[str]) -> None:
        noted = _noted(connection)
        if by_file == noted:
            return
        for whom in sorted(by_file ^ noted):
            self._note(connection, whom, on=whom in by_file, by="file")
        connection.execute(
            "INSERT INTO facts (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (_NOTED, json.dumps(sorted(by_file))),
        )

    def _note(self, connection: Connection, whom: str, *, on: bool, by: str) -> None:
        tenant = None if whom == EVERYBODY else whom
        self._journal.append(connection, "kill_switch", tenant_id=tenant, on=on, by=by)


def _why(tenant_id: str, by_command: frozenset[str], by_file: frozenset[str]) -> str | None:
    for whom, named in ((EVERYBODY, ""), (tenant_id, f" for tenant '{tenant_id}'")):
        if whom in by_command:
            return f"the kill switch is on{named}"
        if whom in by_file:
            return f"the kill switch is on{named}, by the file {_FILE}"
    return None


def _by_command(connection: Connection) -> frozenset[str]:
    return frozenset(row[0] for row in connection.execute("SELECT tenant_id FROM kill_switches"))


def _noted(connection: Connection) -> frozenset[str]:
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (_NOTED,)).fetchone()
    return frozenset(json.loads(row[0]) if row is not None else ())


def _in_file(path: Path) -> frozenset[str]:
    """For whom the file sets it. One that is there and cannot be read sets it for everybody."""
    try:
        # A named pipe would keep us waiting.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return switched_off_by(b"") if path.is_symlink() else frozenset()
    except OSError:
        return switched_off_by(b"")
    try:
        content = os.read(descriptor, _MOST_BYTES)
    except OSError:
        content = b""
    finally:
        os.close(descriptor)
    return switched_off_by(content if len(content) < _MOST_BYTES else b"")
