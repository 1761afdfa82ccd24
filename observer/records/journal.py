"""What we decided: lines written with what they describe, drained to one hash-chained JSONL a day.

A line enters the `journal` table in the transaction it belongs to, so it exists if and only if
the fact does. `Drain` appends it to the file and only then forgets the row.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from observer.domain.redaction import Redacted, Redactor
from observer.records.database import Connection


class Journal:
    """Appends lines; every value passes the redactor first."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def arguments(self, tool: str, args: Mapping[str, Any]) -> Redacted:
        """What may be written down of a tool's arguments, and the rules that fired."""
        return self._redactor.arguments(tool, args)

    def redacted(self, value: Any) -> str:
        """The value as JSON text, without secrets."""
        return json.dumps(self._redactor.value(value), ensure_ascii=False, default=str)

    def clean(self, value: Any) -> Any:
        """The value without secrets."""
        return self._redactor.value(value)

    def append(
        self,
        connection: Connection,
        kind: str,
        *,
        tenant_id: str | None = None,
        session_id: str | None = None,
        trace_id: str | None = None,
        **body: Any,
    ) -> None:
        """Add one line to the running transaction; `redacted` names the rules that fired."""
        clean = self._redactor.note(body)
        line = clean.value
        if clean.rules:
            line["redacted"] = [*line.get("redacted", []), *clean.rules]
        connection.execute(
            "INSERT INTO journal (ts, kind, tenant_id, session_id, trace_id, body)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                time.time(),
                kind,
                tenant_id,
                session_id,
                trace_id,
                json.dumps(line, ensure_ascii=False, default=str),
            ),
        )
