"""What it took: every span through one `emit`, tool spans in the ledger's own transaction."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable

from observer.domain.span import Span
from observer.records.database import Connection, Database

_FIELDS = (
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
)
_INSERT = (
    f"INSERT INTO spans ({', '.join(_FIELDS)}, record)"
    f" VALUES ({', '.join('?' * (len(_FIELDS) + 1))})"
)


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

    def emit(self, span: Span, connection: Connection | None = None) -> None:
        """Record one span: in the given transaction, or with the next flush."""
        if connection is None:
            self._waiting.append(lambda c: _insert(c, [span]))
        else:
            _insert(connection, [span])

    def later(self, work: Callable[[Connection], None]) -> None:
        """Do some writing with the next flush."""
        self._waiting.append(work)

    async def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            await self._database.write(self.flush_into)

    def flush_into(self, connection: Connection) -> None:
        """Write what waits in somebody else's transaction; if that fails, it waits on."""
        waiting = list(self._waiting)
        for work in waiting:
            work(connection)
        self._database.after_commit(lambda: self._forget(len(waiting)))

    def _forget(self, count: int) -> None:
        del self._waiting[:count]


def _insert(connection: Connection, spans: list[Span]) -> None:
    connection.executemany(
        _INSERT,
        [
            (*(getattr(span, name) for name in _FIELDS), json.dumps(span.as_record()))
            for span in spans
        ],
    )
