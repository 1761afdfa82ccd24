"""The latest word on each known error: proposed, accepted or retired, by whom and why."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

from observer.records.database import Connection
from observer.records.journal import Journal

OBSERVER = "observer"
"""Who rules where no person does."""


class Status(StrEnum):
    """Whether a known error is acted upon."""

    PROPOSED = "proposed"
    """Inert until a person accepts it."""
    ACCEPTED = "accepted"
    """In use. What stands in known_errors.yaml is accepted until it is ruled on."""
    RETIRED = "retired"
    """Explains near misses, and is never acted upon."""


@dataclass(frozen=True)
class KnownErrorRuling:
    """One word on a known error."""

    status: Status
    who: str
    reason: str
    ruled_at: float
    """Unix time."""


def rulings_in(connection: Connection) -> dict[str, KnownErrorRuling]:
    """Every known error that was ruled on."""
    rows = connection.execute("SELECT * FROM known_error_rulings")
    return {row["known_error"]: _ruling(row) for row in rows}


def ruling_in(connection: Connection, known_error: str) -> KnownErrorRuling | None:
    """The latest word on one, or None."""
    row = connection.execute(
        "SELECT * FROM known_error_rulings WHERE known_error = ?", (known_error,)
    ).fetchone()
    return None if row is None else _ruling(row)


def _ruling(row: dict[str, str]) -> KnownErrorRuling:
    return KnownErrorRuling(
        Status(row["status"]), row["who"], row["reason"], float(row["ruled_at"])
    )


def rule_in(
    connection: Connection,
    journal: Journal,
    known_error: str,
    status: Status,
    *,
    who: str,
    reason: str,
    tenant_id: str | None = None,
    session_id: str | None = None,
) -> None:
    """Write a word down, with its journal line, in the given transaction."""
    connection.execute(
        "INSERT INTO known_error_rulings (known_error, status, who, reason, ruled_at)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (known_error) DO UPDATE SET status = excluded.status,"
        " who = excluded.who, reason = excluded.reason, ruled_at = excluded.ruled_at",
        (known_error, status, who, journal.clean(reason), time.time()),
    )
    journal.append(
        connection,
        "known_error",
        tenant_id=tenant_id,
        session_id=session_id,
        known_error=known_error,
        status=status,
        who=who,
        reason=reason,
    )
