"""A known error as commands and routes show it."""

from __future__ import annotations

from typing import Any

from observer.domain.track_record import Counted, track_record
from observer.records.rulings import KnownErrorRuling, Status
from observer.settings.known_error_rows import Row


def shown(
    entry: Row, stored: Any, ruling: KnownErrorRuling | None, counted: Counted
) -> dict[str, Any]:
    """An entry with its status, its figures and where it comes from.

    `stored` is its row of the records; None for one of known_errors.yaml.
    """
    record = track_record(entry, counted)
    return {
        "id": entry["id"],
        "status": ruling.status if ruling else Status.ACCEPTED,
        "origin": stored["origin"] if stored else "file",
        "failures": record.failures,
        "failures_in_a_row": record.failures_in_a_row,
        "trust": round(record.trust, 3),
        "ruled_by": ruling.who if ruling else None,
        "ruled_at": ruling.ruled_at if ruling else None,
        "reason": ruling.reason if ruling else None,
        "tenant_id": stored["tenant_id"] if stored else None,
        "session_id": stored["session_id"] if stored else None,
        "entry": {**entry, **record.columns()},
    }
