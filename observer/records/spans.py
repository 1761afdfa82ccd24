"""What it took: every span through one `emit`, tool spans in the ledger's own transaction."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace

from observer.domain.span import About, RunStatus, Span, SpanKind, final_response
from observer.records.database import Connection, Database

Listener = Callable[[Span], None]

_COLUMNS = (
    "trace_id",
    "span_id",
    "parent_span_id",
    "tenant_id",
    "session_id",
    "step_index",
    "timestamp_ms",
    "span_kind",
    "latency_ms",
    "feature",
    "stage",
    "name",
    "result_status",
    "model_version",
    "prompt_version_hash",
    "tool_name",
    "cost_nano",
    "input_tokens",
    "output_tokens",
)
_INSERT = (
    f"INSERT INTO spans ({', '.join(_COLUMNS)}, record)"
    f" VALUES ({', '.join('?' * (len(_COLUMNS) + 1))})"
)
_STEP = SpanKind.AGENT_STEP
_CUT_SHORT = "it was cut before this step was done"


def new_id() -> str:
    """A fresh span or trace id: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def now_ms() -> int:
    """Wall clock in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Spans:
    """Keeps spans and notes that need no transaction of their own until the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[Callable[[Connection], None]] = []
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Tell of every span from now on, once it is on disk; on the records' own thread."""
        self._listeners.append(listener)

    def emit(self, span: Span, connection: Connection | None = None) -> None:
        """Record one span: in the given transaction, or with the next flush."""
        if connection is None:
            self._waiting.append(lambda c: self._insert(c, span))
        else:
            self._insert(connection, span)

    def later(self, work: Callable[[Connection], None]) -> None:
        """Do some writing with the next flush."""
        self._waiting.append(work)

    async def open(self, step: Span) -> None:
        """Write down that a step begins, before it does anything; and all that waits."""
        row = (step.span_id, step.trace_id, step.tenant_id, step.session_id, _as_json(step))

        def work(connection: Connection) -> None:
            self.flush_into(connection)
            connection.execute("INSERT INTO open_spans VALUES (?, ?, ?, ?, ?)", row)

        await self._database.write(work)

    def close(self, step: Span) -> None:
        """Record, with the next flush, how a step ended that was opened."""
        self._waiting.append(lambda c: self._close(c, step))

    def end_run(
        self,
        connection: Connection,
        about: About,
        trace_id: str,
        *,
        status: RunStatus,
        outcome: str,
        began_ms: int | None = None,
        latency_ms: float | None = None,
    ) -> None:
        """Record a run's final response, after all else; a step still open was cut short.

        Without a beginning and a latency they are those of its spans: when exactly a process
        was killed remains unknown.
        """
        self._cut_short(connection, trace_id)
        found = connection.execute(
            # A question may have been asked long before the run that takes its answer up.
            f"SELECT coalesce(min(CASE WHEN span_kind != '{SpanKind.HITL_APPROVAL}'"
            " THEN timestamp_ms END), 0) AS began, coalesce(max(timestamp_ms +"
            " latency_ms), 0) AS ended, coalesce(max(step_index), 0) AS step,"
            f" coalesce(sum(CASE WHEN span_kind = '{SpanKind.LLM_CALL}' THEN cost_nano END), 0)"
            " AS nano FROM spans WHERE trace_id = ?",
            (trace_id,),
        ).fetchone()
        last = connection.execute(
            f"SELECT span_id FROM spans WHERE trace_id = ? AND span_kind = '{_STEP}'"
            " ORDER BY step_index DESC, id DESC LIMIT 1",
            (trace_id,),
        ).fetchone()
        began = found["began"] or now_ms()
        if latency_ms is None:
            latency_ms = max(0.0, found["ended"] - began)
        response = final_response(
            about,
            trace_id=trace_id,
            span_id=new_id(),
            parent=None if last is None else last["span_id"],
            step=found["step"] + 1,
            started_ms=began if began_ms is None else began_ms,
            latency_ms=latency_ms,
            cost_nano=found["nano"],
            status=status,
            outcome=outcome,
        )
        self._insert(connection, response)

    async def end_orphans(self) -> None:
        """At start: no run goes on with these steps of an earlier process, so they are over."""

        def work(connection: Connection) -> None:
            rows = connection.execute(
                "SELECT DISTINCT trace_id FROM open_spans WHERE trace_id NOT IN"
                " (SELECT trace_id FROM runs WHERE status = 'running')"
            ).fetchall()
            for row in rows:
                self._cut_short(connection, row["trace_id"])

        await self._database.write(work)

    async def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            await self._database.write(self.flush_into)

    def flush_into(self, connection: Connection) -> None:
        """Write what waits in somebody else's transaction; if that fails, it waits on."""
        waiting = list(self._waiting)
        # First of all that is done after the commit: whatever a listener does, nothing is
        # written twice.
        self._database.after_commit(lambda: self._forget(len(waiting)))
        for work in waiting:
            work(connection)

    def _forget(self, count: int) -> None:
        del self._waiting[:count]

    def _close(self, connection: Connection, step: Span) -> None:
        connection.execute("DELETE FROM open_spans WHERE span_id = ?", (step.span_id,))
        self._insert(connection, step)

    def _cut_short(self, connection: Connection, trace_id: str) -> None:
        """Close what is open of a run; a step took at least until its last call ended."""
        rows = connection.execute(
            "SELECT record, (SELECT max(timestamp_ms + latency_ms) FROM spans"
            " WHERE parent_span_id = open_spans.span_id AND trace_id = open_spans.trace_id)"
            " AS ended FROM open_spans WHERE trace_id = ? ORDER BY rowid",
            (trace_id,),
        ).fetchall()
        for row in rows:
            step = Span(**json.loads(row["record"]))
            latency_ms = max(0.0, (row["ended"] or 0.0) - step.timestamp_ms)
            cut = replace(
                step,
                span_kind=_STEP,
                result_status="interrupted",
                latency_ms=latency_ms,
                result_summary=_CUT_SHORT,
            )
            self._close(connection, cut)

    def _insert(self, connection: Connection, span: Span) -> None:
        store(connection, [span])
        self._database.after_commit(lambda: self._tell(span))

    def _tell(self, span: Span) -> None:
        for listener in self._listeners:
            listener(span)


def store(connection: Connection, spans: Iterable[Span]) -> None:
    """Put spans into their table: columns for the queries, and each whole."""
    rows = ((*(getattr(span, name) for name in _COLUMNS), _as_json(span)) for span in spans)
    connection.executemany(_INSERT, rows)


def _as_json(span: Span) -> str:
    return json.dumps(span.as_record())
