"""Long-term memory: finished incidents, found again by their words. It outlives their sessions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from observer.domain.event import Incident, digest
from observer.domain.past_incident import PastIncident, most_similar, query_of, words_of
from observer.records.database import Connection, Database
from observer.records.journal import Journal

MOST_OF_A_NODE = 200
MOST_OF_ALL = 20_000
"""The latest stay."""
_MOST_ASKED = 100
_PAGES = 200
"""Of the words' index, at once: some 10 ms of the writer's."""
_LATEST_ATTEMPTS = 9
"""How often a remedy held is counted over so many: a year's record says less than last month's."""

_COLUMNS = "tenant_id, session_id, node, severity, message, cause, walk, remedy, outcome, ended_at"
_WORDS = "scope, node, message, cause, walk, remedy, outcome"
_TALLY = (
    "SELECT coalesce(sum(held), 0) AS held, count(*) AS tried FROM (SELECT held"
    f" FROM past_attempts WHERE scope = ? AND remedy = ? ORDER BY id DESC LIMIT {_LATEST_ATTEMPTS})"
)


class PastIncidents:
    """The one writer of `past_incidents` and `past_attempts`."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal
        # An incident is asked about at every notice of it, and at its end.
        self._asked: dict[tuple[str, str, str], list[PastIncident]] = {}

    def keep_in(
        self,
        connection: Connection,
        incident: Incident,
        *,
        cause: str,
        walk: Sequence[str],
        attempts: Sequence[tuple[str, bool]],
        outcome: str,
    ) -> None:
        """Keep a finished incident, once for each event, in the given transaction."""
        self._asked.clear()
        scope = _scope(incident.tenant_id, incident.stage)
        kept = self._journal.clean(
            {
                "event_key": incident.event_key,
                "scope": scope,
                "tenant_id": incident.tenant_id,
                "session_id": incident.session_id,
                "node": incident.stage,
                "severity": str(incident.severity),
                "message": incident.message[:2000],
                "cause": cause[:1000],
                "walk": "\n".join(walk)[:4000],
                "remedy": attempts[-1][0] if attempts else "",
                "outcome": outcome,
                "ended_at": time.time(),
            }
        )
        marks = ", ".join(f":{name}" for name in kept)
        fresh = connection.execute(
            f"INSERT INTO past_incidents ({', '.join(kept)}) VALUES ({marks})"
            " ON CONFLICT (event_key) DO NOTHING RETURNING id",
            kept,
        ).fetchone()
        if fresh is None:
            return
        connection.execute(
            f"INSERT INTO past_incident_words (rowid, {_WORDS})"
            f" SELECT id, {_WORDS} FROM past_incidents WHERE id = ?",
            (fresh["id"],),
        )
        connection.executemany(
            "INSERT INTO past_attempts (event_key, scope, remedy, held) VALUES (?, ?, ?, ?)",
            [(incident.event_key, scope, remedy, held) for remedy, held in attempts],
        )
        _forget_the_oldest(connection, scope, fresh["id"])

    def forget_in(self, connection: Connection, event_keys: Sequence[str]) -> None:
        """Delete what was kept of these events, in the given transaction."""
        self._asked.clear()
        for key in event_keys:
            rows = connection.execute("SELECT id FROM past_incidents WHERE event_key = ?", (key,))
            for row in rows.fetchall():
                _forget(connection, row["id"], key)

    async def rewrite_words(self) -> bool:
        """Let the index lose some of the words it has marked as deleted; true: there are more."""

        def work(connection: Connection) -> bool:
            before = connection.total_changes
            for pages in (-_PAGES, _PAGES):
                connection.execute(
                    "INSERT INTO past_incident_words (past_incident_words, rank)"
                    " VALUES ('merge', ?)",
                    (pages,),
                )
            # SQLite's own sign that there was nothing to do: each command counts for one.
            return connection.total_changes - before > 2

        return await self._database.write(work)

    async def similar(
        self, tenant_id: str, node: str, message: str, exclude_session: str
    ) -> list[PastIncident]:
        """The few incidents of a tenant's node, of other sessions, that a message is most like."""
        words = words_of(message)
        if not words:
            return []
        scope = _scope(tenant_id, node)
        asked = (scope, message, exclude_session)
        if (known := self._asked.get(asked)) is not None:
            return known
        query = f'scope:"{scope}" AND ({query_of(words)})'

        def work(connection: Connection) -> list[PastIncident]:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM past_incidents WHERE session_id != ? AND id IN"
                " (SELECT rowid FROM past_incident_words WHERE past_incident_words MATCH ?)"
                " ORDER BY id DESC LIMIT ?",
                (exclude_session, query, MOST_OF_A_NODE),
            ).fetchall()
            tallies: dict[str, Any] = {}
            for remedy in {row["remedy"] for row in rows}:
                tallies[remedy] = connection.execute(_TALLY, (scope, remedy)).fetchone()
            return [PastIncident(**dict(row), **dict(tallies[row["remedy"]])) for row in rows]

        found = most_similar(message, await self._database.read(work))
        if len(self._asked) >= _MOST_ASKED:
            self._asked.clear()
        self._asked[asked] = found
        return found

    async def search(
        self, text: str | None, *, tenant_id: str | None, node: str | None, limit: int
    ) -> list[PastIncident]:
        """Past incidents with some of a text's words, the best first; without a text the latest."""
        values: list[Any] = []
        where, order, source = "true", "past_incidents.id DESC", "past_incidents"
        if text is not None:
            words = words_of(text)
            if not words:
                return []
            source = "past_incident_words JOIN past_incidents ON id = past_incident_words.rowid"
            where, order = "past_incident_words MATCH ?", "rank, past_incidents.id DESC"
            values.append(f"{{node message cause walk remedy outcome}} : ({query_of(words)})")
        for name, value in {"tenant_id": tenant_id, "node": node}.items():
            if value is not None:
                where += f" AND past_incidents.{name} = ?"
                values.append(value)
        columns = ", ".join(f"past_incidents.{name}" for name in _COLUMNS.split(", "))

        def work(connection: Connection) -> list[PastIncident]:
            rows = connection.execute(
                f"SELECT {columns} FROM {source} WHERE {where} ORDER BY {order} LIMIT ?",
                (*values, limit),
            ).fetchall()
            found: list[PastIncident] = []
            for row in rows:
                scope = _scope(row["tenant_id"], row["node"])
                tally = connection.execute(_TALLY, (scope, row["remedy"])).fetchone()
                found.append(PastIncident(**dict(row), **dict(tally)))
            return found

        return await self._database.read(work)


def _scope(tenant_id: str, node: str) -> str:
    return digest(tenant_id, node)


def _forget_the_oldest(connection: Connection, scope: str, newest: int) -> None:
    old = connection.execute(
        "SELECT id, event_key FROM past_incidents WHERE id <= ?"
        " UNION SELECT id, event_key FROM (SELECT id, event_key FROM past_incidents"
        " WHERE scope = ? ORDER BY id DESC LIMIT -1 OFFSET ?)",
        (newest - MOST_OF_ALL, scope, MOST_OF_A_NODE),
    ).fetchall()
    for row in old:
        _forget(connection, row["id"], row["event_key"])


def _forget(connection: Connection, row: int, event_key: str) -> None:
    connection.execute(
        f"INSERT INTO past_incident_words (past_incident_words, rowid, {_WORDS})"
        f" SELECT 'delete', id, {_WORDS} FROM past_incidents WHERE id = ?",
        (row,),
    )
    connection.execute("DELETE FROM past_incidents WHERE id = ?", (row,))
    connection.execute("DELETE FROM past_attempts WHERE event_key = ?", (event_key,))
