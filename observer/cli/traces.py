"""`observer traces`: the on-call questions over all spans, answered from the records themselves."""

import time
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from observer.cli.csv_file import write_csv
from observer.cli.environment import DEFAULT_DATA_DIR, MOST_ROWS, AsJson, DataDirOption, Tenant
from observer.cli.render import complain, emit, inert, say, shorten, table, when
from observer.domain.figures import dollars, percent, took
from observer.domain.span_kinds import SpanKind
from observer.domain.span_question import (
    ContradictoryQuestion,
    Grouping,
    GroupRow,
    RunRow,
    SortBy,
    SpanQuestion,
    SpanRow,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Rows = Sequence[RunRow] | Sequence[SpanRow] | Sequence[GroupRow]

LONGEST_HINT = 400
SHORT_TRACE = 12
"""So much of a trace's id is shown: `observer trace` takes what is unique."""
RUN_COLUMNS = (
    "started",
    "trace",
    "tenant",
    "session",
    "stage",
    "status",
    "outcome",
    "took",
    "cost",
)
SPAN_COLUMNS = ("started", "trace", "tenant", "session", "kind", "name", "status", "took", "cost")
GROUP_COLUMNS = ("count", "errors", "error rate", "refused", "p50", "p95", "cost")


def traces(
    tenant: Tenant = None,
    since: Annotated[
        str | None, typer.Option(help="From then on: 24h, 7d, 2026-11-22, 2026-11-22T03:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Before then, written in the same way.")] = None,
    sort_by: Annotated[
        SortBy | None, typer.Option(help="The slowest or the dearest first; else the newest.")
    ] = None,
    tool: Annotated[str | None, typer.Option(help="Calls of this tool.")] = None,
    status: Annotated[
        str | None, typer.Option(help="Spans that ended so: error, timeout, refused ...")
    ] = None,
    feature: Annotated[str | None, typer.Option(help="Only this feature.")] = None,
    kind: Annotated[SpanKind | None, typer.Option(help="Spans of this kind.")] = None,
    group_by: Annotated[
        Grouping | None, typer.Option(help="Count, errors, p50, p95 and cost by this tag.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="How many at most.")] = 50,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="As CSV into this file; `-` is stdout.")
    ] = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List runs, or with --tool, --kind or --status single spans; or count them with --group-by.

    Reads the records where they are: the daemon may run or not.
    """
    begin, end = moments(since, until)
    try:
        question = SpanQuestion(
            tenant=tenant,
            since=begin,
            until=end,
            sort_by=sort_by,
            tool=tool,
            status=status,
            feature=feature,
            kind=kind,
            group_by=group_by,
            limit=limit,
        )
    except ContradictoryQuestion as error:
        raise typer.BadParameter(inert(str(error))) from None
    name, rows, unheard_of = answer(question, data_dir)
    if as_json:
        emit({name: [record(row) for row in rows]})
    elif csv_file is not None:
        write_csv(csv_file, columns_of(question), map(record, rows))
    elif not rows:
        complain(f"No {name.removesuffix('s')} matches.")
        for filtered, known in unheard_of.items():
            complain(f"No span has this {filtered}; recorded are: {shorten(known, LONGEST_HINT)}")
    else:
        show(question, rows)


def moments(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    """Milliseconds since 1970; what is no moment, or no stretch of time, is wrong usage."""
    from observer.domain.moments import parse_moments

    try:
        return parse_moments(since, until, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(inert(str(error))) from None


def answer(
    question: SpanQuestion, data_dir: Path
) -> "tuple[str, Rows, Mapping[str, Sequence[str]]]":
    """What the rows are, the rows, and without any, which filters are of nothing at all."""
    from observer.records.data_dir import DataDir
    from observer.records.read_only import reading
    from observer.records.span_queries import groups_of, runs_of, spans_of, unheard_of

    directory = DataDir(data_dir)
    now_ms = int(time.time() * 1000) if directory.owned() else None
    with reading(directory) as records:
        rows: Rows
        if question.group_by is not None:
            name, rows = "groups", groups_of(records, question)
        elif question.of_runs:
            name, rows = "runs", runs_of(records, question, now_ms)
        else:
            name, rows = "spans", spans_of(records, question)
        return name, rows, {} if rows else unheard_of(records, question)


def record(row: RunRow | SpanRow | GroupRow) -> dict[str, Any]:
    """A row for a program, its cost also in dollars."""
    rate = {"error_rate": row.error_rate} if isinstance(row, GroupRow) else {}
    return {**asdict(row), **rate, "cost_usd": row.cost_nano / 1e9}


def columns_of(question: SpanQuestion) -> list[str]:
    """The names in a record of what answers the question."""
    if question.group_by is not None:
        return [*(column.name for column in fields(GroupRow)), "error_rate", "cost_usd"]
    return [
        *(column.name for column in fields(RunRow if question.of_runs else SpanRow)),
        "cost_usd",
    ]


def show(question: SpanQuestion, rows: "Rows") -> None:
    """The rows as a table."""
    if question.group_by is not None:
        columns: tuple[str, ...] = (str(question.group_by), *GROUP_COLUMNS)
        counted = "runs" if question.of_runs else ", ".join(question.kinds)
        title = f"By {question.group_by} ({counted})"
    else:
        columns = RUN_COLUMNS if question.of_runs else SPAN_COLUMNS
        title = "Runs" if question.of_runs else "Spans"
    table(title, columns, [line(row) for row in rows])
    if question.group_by is not None:
        say("p50 and p95 are nearest ranks: latencies that were measured.")


def line(row: RunRow | SpanRow | GroupRow) -> list[object]:
    """A row as a person reads it."""
    cost = dollars(row.cost_nano)
    match row:
        case GroupRow():
            rate = percent(row.errors, row.count)
            spread = (took(row.p50_ms), took(row.p95_ms))
            return [row.group or "-", row.count, row.errors, rate, row.refused, *spread, cost]
        case RunRow():
            what = (row.stage, row.status, row.outcome)
        case SpanRow():
            what = (row.span_kind, row.name, row.status)
    whose = (row.tenant_id, shorten(row.session_id, 40))
    return [
        when(row.started_ms),
        row.trace_id[:SHORT_TRACE],
        *whose,
        *what,
        took(row.latency_ms),
        cost,
    ]
