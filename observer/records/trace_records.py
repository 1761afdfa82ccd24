"""One trace, or all runs of one session, as they are recorded. Reads only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from observer.domain.mission import OWN_SESSION, OWN_TENANT
from observer.domain.trace_tree import RunFacts, RunTree, build_run, in_sequence, read_span
from observer.errors import AmbiguousTrace, UnknownTrace
from observer.records.database import Connection
from observer.records.span_queries import one_moment

SHORTEST_PREFIX = 4
"""So many characters of a trace's id are the least that find it."""


@dataclass(frozen=True)
class SessionTrace:
    """The runs of a session, or the one that was asked for; the newest last."""

    session_id: str
    tenant_id: str
    runs: list[RunTree]


def trace_of(
    connection: Connection, wanted: str, *, tenant: str | None, now_ms: float | None
) -> SessionTrace:
    """What a session's id, a trace's id or a unique beginning of one names.

    `now_ms` is None where no process has the records: what is under way in them was cut.

    Raises:
        UnknownTrace: nothing has this id, or nothing of this tenant.
        AmbiguousTrace: several have it.
    """
    with one_moment(connection):
        owners = _owners(connection, wanted, tenant)
        if owners:
            (tenant_id, session_id), trace = _only(owners, wanted), None
        else:
            found = _traces(connection, wanted, tenant)
            trace, tenant_id, session_id = _only(found, wanted)
        runs = _runs(connection, tenant_id, session_id, now_ms, trace)
    if trace is not None:
        runs = [run for run in runs if run.facts.trace_id == trace]
    return SessionTrace(session_id, tenant_id, runs)


def _only(found: list[Any], wanted: str) -> Any:
    match found:
        case [one]:
            return tuple(one)
        case []:
            short = len(wanted) < SHORTEST_PREFIX
            trace = (
                f"of a trace's it takes {SHORTEST_PREFIX} characters"
                if short
                else "no trace's begins so"
            )
            raise UnknownTrace(f"no session has the id '{wanted}', and {trace}")
        case _:
            shown = "; ".join(" ".join(map(str, one)) for one in found)
            raise AmbiguousTrace(
                f"'{wanted}' is more than one: {shown}. Say which tenant, or more of the id."
            )


def _owners(connection: Connection, session_id: str, tenant: str | None) -> list[Any]:
    mine, values = _mine(tenant)
    found = connection.execute(
        f"SELECT tenant_id, session_id FROM sessions WHERE session_id = ? {mine}"
        " ORDER BY tenant_id LIMIT 5",
        (session_id, *values),
    ).fetchall()
    # What the observer asks a model of its own accord has spans, and no event led to it.
    ours = session_id == OWN_SESSION and tenant in (None, OWN_TENANT)
    return [*found, (OWN_TENANT, OWN_SESSION)] if ours else found


def _traces(connection: Connection, prefix: str, tenant: str | None) -> list[Any]:
    mine, values = _mine(tenant)
    if len(prefix) < SHORTEST_PREFIX:
        return []
    # A range, not LIKE: it is found in the index, and % is no wildcard.
    found = [
        connection.execute(
            f"SELECT DISTINCT trace_id, tenant_id, session_id FROM {table}"
            f" WHERE trace_id >= ? AND trace_id < ? {mine} LIMIT 5",
            (prefix, f"{prefix}\U0010ffff", *values),
        ).fetchall()
        for table in ("spans", "runs")
    ]
    traces = sorted({tuple(row) for rows in found for row in rows})
    return [row for row in traces if row[0] == prefix] or traces


def _mine(tenant: str | None) -> tuple[str, list[str]]:
    return ("", []) if tenant is None else ("AND tenant_id = ?", [tenant])


def _runs(
    connection: Connection,
    tenant_id: str,
    session_id: str,
    now_ms: float | None,
    trace: str | None,
) -> list[RunTree]:
    """All runs; where one is asked for, the others without their spans."""
    who = (tenant_id, session_id)
    only, values = ("", who) if trace is None else (" AND trace_id = ?", (*who, trace))
    facts = {
        row["trace_id"]: RunFacts(
            trace_id=row["trace_id"],
            event_key=row["event_key"],
            status=row["status"],
            outcome=row["outcome"],
            started_ms=row["started_at"] * 1000,
        )
        for row in connection.execute(
            "SELECT trace_id, event_key, status, outcome, started_at FROM runs"
            " WHERE tenant_id = ? AND session_id = ?",
            who,
        )
    }
    records: dict[str, list[dict[str, Any]]] = {trace: [] for trace in facts}
    for table in ("spans", "open_spans"):
        for row in connection.execute(
            f"SELECT trace_id, record FROM {table} WHERE tenant_id = ? AND session_id = ?{only}"
            " ORDER BY rowid",
            values,
        ):
            records.setdefault(row["trace_id"], []).append(json.loads(row["record"]))
    return in_sequence(
        build_run(
            facts.get(trace) or RunFacts(trace_id=trace),
            map(read_span, found),
            now_ms=now_ms,
        )
        for trace, found in records.items()
    )
