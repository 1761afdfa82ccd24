"""The ledger for who only looks: what was done to the world, as rows."""

from __future__ import annotations

import json
from typing import Any

from observer.records.data_dir import DataDir
from observer.records.read_only import reading

_COLUMNS = (
    "session_id, trace_id, tenant_id, iteration, purpose, tool_name, tool_input_hash, args,"
    " idempotency_key, status, result_status, result_summary, timestamp"
)


def ledger_rows(
    data_dir: DataDir, *, session_id: str | None, tenant_id: str | None, limit: int
) -> list[dict[str, Any]]:
    """The newest transitions, of a session or of all, in the order in which they were begun.

    Raises:
        DataDirUnusable: the records cannot be read.
    """
    asked = {"session_id": session_id, "tenant_id": tenant_id}
    wanted = {name: value for name, value in asked.items() if value is not None}
    where = " AND ".join(f"{name} = ?" for name in wanted) or "true"
    with reading(data_dir) as connection:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM state_transitions WHERE {where} ORDER BY id DESC LIMIT ?",
            (*wanted.values(), limit),
        ).fetchall()
    return [{**dict(row), "args": json.loads(row["args"])} for row in reversed(rows)]
