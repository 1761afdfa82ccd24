"""What the observer did to the world, read from observer.db where it is."""

from typing import Annotated

import typer

from observer.cli.environment import DEFAULT_DATA_DIR, MOST_ROWS, AsJson, DataDirOption, Tenant
from observer.cli.render import complain, emit, shorten, table, when

LONGEST_RESULT = 60


def ledger(
    session_id: Annotated[
        str | None, typer.Argument(metavar="[SESSION]", help="A session_id; else of all.")
    ] = None,
    tenant: Tenant = None,
    limit: Annotated[
        int, typer.Option(min=1, max=MOST_ROWS, help="How many at most, the newest.")
    ] = 50,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show the ledger: each tool call and what came of it; --json adds arguments and keys."""
    from observer.records.data_dir import DataDir
    from observer.records.ledger_rows import ledger_rows

    rows = ledger_rows(DataDir(data_dir), session_id=session_id, tenant_id=tenant, limit=limit)
    if as_json:
        emit({"transitions": rows})
    table(
        "Ledger",
        ("#", "at", "tenant", "session", "purpose", "tool", "status", "result"),
        [
            [
                row["iteration"],
                when(row["timestamp"]),
                row["tenant_id"],
                row["session_id"],
                row["purpose"],
                row["tool_name"],
                row["status"],
                shorten(row["result_summary"], LONGEST_RESULT),
            ]
            for row in ([] if as_json else rows)
        ],
    )
    if not rows:
        complain("The ledger has no such row.")
        raise typer.Exit(1 if session_id is not None else 0)
