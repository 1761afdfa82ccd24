"""The records as rows for somebody else's tools: read beside the daemon, a page at a time.

No transaction stays open between two pages, so the writer's log does not grow meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, get_args, get_type_hints

from observer.domain.span import Span
from observer.errors import DataDirUnusable
from observer.records.data_dir import DataDir
from observer.records.read_only import reading

Row = dict[str, Any]
_PAGE = 1000


class What(StrEnum):
    """What can be exported."""

    SPANS = "spans"
    SESSIONS = "sessions"
    TRANSITIONS = "transitions"
    JOURNAL = "journal"
    COSTS = "costs"
    EVALS = "evals"


class Form(StrEnum):
    """The type of a column."""

    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True)
class Wanted:
    """Whose rows, and from when to when: `since` is part of it, `until` is not. Unix times."""

    tenant_id: str | None = None
    since: float | None = None
    until: float | None = None

    def has(self, tenant_id: str | None, at: float) -> bool:
        """Whether a row is one of them."""
        return (
            self.tenant_id in (None, tenant_id)
            and (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
        )


def _form(hint: Any) -> Form:
    kinds = {getattr(part, "__origin__", part) for part in get_args(hint) or (hint,)}
    if kinds & {dict, list}:
        return Form.JSON
    if float in kinds:
        return Form.NUMBER
    return Form.INTEGER if int in kinds else Form.TEXT


def _columns(text: str) -> dict[str, Form]:
    """`name:i`, `name:n` or `name:j`; text without."""
    forms = {"i": Form.INTEGER, "n": Form.NUMBER, "j": Form.JSON, "": Form.TEXT}
    pairs = (word.partition(":") for word in text.split())
    return {name: forms[form] for name, _, form in pairs}


_HINTS = get_type_hints(Span)
COLUMNS: dict[What, dict[str, Form]] = {
    What.SPANS: {field.name: _form(_HINTS[field.name]) for field in fields(Span)},
    What.SESSIONS: _columns(
        "tenant_id session_id status severity stage outcome report created_at:n updated_at:n"
        " events:j runs:j"
    ),
    What.TRANSITIONS: _columns(
        "tenant_id session_id trace_id event_key iteration:i purpose tool_name tool_input_hash"
        " args:j idempotency_key status result_status result_summary payload:j timestamp:n"
    ),
    What.JOURNAL: _columns("seq:i prev_hash key_id ts tenant_id session_id trace_id kind hash"),
    What.COSTS: _columns(
        "day tenant_id feature model_id model_version price_table calls:i input_tokens:i"
        " output_tokens:i cost_nano:i"
    ),
    What.EVALS: _columns(
        "event_key tenant_id session_id trace_id outcome final_output input:j tool_calls:j"
        " user_feedback:j hitl_override:j"
    ),
}
"""What a row has beyond them is kept: by its name in JSONL, in `more` in Parquet."""

_SESSIONS = """
SELECT tenant_id, session_id, status, severity, stage, outcome, report,
created_at, updated_at,
(SELECT json_group_array(json(payload)) FROM events WHERE events.tenant_id = sessions.tenant_id
 AND events.session_id = sessions.session_id) AS events,
(SELECT json_group_array(json_object('trace_id', trace_id, 'event_key', event_key,
 'status', status, 'outcome', outcome, 'started_at', started_at, 'ended_at', ended_at))
 FROM runs WHERE runs.tenant_id = sessions.tenant_id
 AND runs.session_id = sessions.session_id) AS runs
FROM sessions
"""
_COSTS = """
SELECT date(timestamp_ms / 1000, 'unixepoch') AS day, tenant_id, feature,
json_extract(record, '$.model_id') AS model_id, model_version,
json_extract(record, '$.price_table') AS price_table, count(*) AS calls,
sum(json_extract(record, '$.input_tokens')) AS input_tokens,
sum(json_extract(record, '$.output_tokens')) AS output_tokens, sum(cost_nano) AS cost_nano
FROM spans WHERE span_kind = 'llm_call' AND {where}
GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
"""
_EVALS = """
SELECT id, event_key, record FROM (
 SELECT eval_candidates.id, eval_candidates.event_key, record, events.accepted_at,
 coalesce(json_extract(record, '$.tenant_id'), json_extract(record, '$.input.tenant_id'),
  events.tenant_id) AS tenant_id
 FROM eval_candidates LEFT JOIN events ON events.event_key = eval_candidates.event_key
)
"""


def rows_of(directory: DataDir, what: What, wanted: Wanted) -> Iterator[Row]:
    """The rows as they were written, sessions by tenant and id.

    What is written meanwhile may be missing.

    Raises:
        DataDirUnusable: there are no records, they cannot be read, or are of another release.
    """
    if not directory.records.exists():
        raise DataDirUnusable(f"{directory.path}: there is no observer's data here")
    yield from _READERS[what](directory, wanted)


def _spans(directory: DataDir, wanted: Wanted) -> Iterator[Row]:
    for row in _paged(directory, "SELECT id, record FROM spans", "timestamp_ms / 1000.0", wanted):
        yield json.loads(row["record"])


def _sessions(directory: DataDir, wanted: Wanted) -> Iterator[Row]:
    for row in _paged(directory, _SESSIONS, "updated_at", wanted, key=("tenant_id", "session_id")):
        yield {**row, "events": json.loads(row["events"]), "runs": json.loads(row["runs"])}


def _transitions(directory: DataDir, wanted: Wanted) -> Iterator[Row]:
    names = ", ".join(COLUMNS[What.TRANSITIONS])
    query = f"SELECT id, {names} FROM state_transitions"
    for row in _paged(directory, query, "timestamp", wanted):
        yield {**row, **{name: _parsed(row[name]) for name in ("args", "payload")}}


def _evals(directory: DataDir, wanted: Wanted) -> Iterator[Row]:
    for row in _paged(directory, _EVALS, "accepted_at", wanted):
        record = json.loads(row["record"])
        tenant = record.get("tenant_id") or (record.get("input") or {}).get("tenant_id")
        yield {"event_key": row["event_key"], "tenant_id": tenant, **record}


def _costs(directory: DataDir, wanted: Wanted) -> Iterator[Row]:
    where, values = _where(wanted, "timestamp_ms / 1000.0")
    with reading(directory) as connection:
        for row in connection.execute(_COSTS.format(where=where), values):
            yield dict(row)


def _journal(directory: DataDir, wanted: Wanted) -> Iterator[Row]:
    for path in sorted(directory.journal.glob("*.jsonl")):
        with path.open("rb") as file:
            for text in file:
                line = _parsed(text.decode(errors="replace"))
                # A line that is still being written, or damaged: `journal verify` names it.
                if isinstance(line, dict) and wanted.has(line.get("tenant_id"), _at(line)):
                    yield line


_READERS: dict[What, Callable[[DataDir, Wanted], Iterator[Row]]] = {
    What.SPANS: _spans,
    What.SESSIONS: _sessions,
    What.TRANSITIONS: _transitions,
    What.JOURNAL: _journal,
    What.COSTS: _costs,
    What.EVALS: _evals,
}


def _paged(
    directory: DataDir, query: str, time: str, wanted: Wanted, *, key: tuple[str, ...] = ("id",)
) -> Iterator[Row]:
    where, values = _where(wanted, time)
    names, marks = ", ".join(key), ", ".join("?" * len(key))
    beyond = f"({names}) > ({marks})"
    last: tuple[Any, ...] = (0,) if key == ("id",) else ("",) * len(key)
    statement = f"{query} WHERE {beyond} AND {where} ORDER BY {names} LIMIT {_PAGE}"
    with reading(directory) as connection:
        while page := connection.execute(statement, (*last, *values)).fetchall():
            last = tuple(page[-1][name] for name in key)
            for row in page:
                yield {name: row[name] for name in row.keys() if name != "id"}  # noqa: SIM118


def _where(wanted: Wanted, time: str) -> tuple[str, list[Any]]:
    parts = {"tenant_id = ?": wanted.tenant_id, f"{time} >= ?": wanted.since}
    parts[f"{time} < ?"] = wanted.until
    asked = {text: value for text, value in parts.items() if value is not None}
    return " AND ".join(asked) or "true", list(asked.values())


def _parsed(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return text


def _at(line: Row) -> float:
    try:
        return datetime.fromisoformat(line["ts"]).astimezone(UTC).timestamp()
    except (KeyError, TypeError, ValueError):
        return 0.0
