"""`observer trace`: one run or one session as its spans tell it, whom to blame last."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from observer.cli.environment import DEFAULT_DATA_DIR, AsJson, DataDirOption
from observer.cli.output_file import writing
from observer.cli.render import complain, emit, say
from observer.cli.sessions import OfTenant

if TYPE_CHECKING:
    from observer.records.trace_records import SessionTrace

WIDTH_OFF_TERMINAL = 100
NARROWEST = 60


def trace(
    wanted: Annotated[
        str,
        typer.Argument(metavar="TRACE_OR_SESSION", help="A session, a trace, or its first digits."),
    ],
    tenant: OfTenant = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with the same facts into this file.")
    ] = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show what the agent did and why, the slowest span marked, and which layer failed.

    Reads the records where they are: the daemon may run or not. Of a session it shows every run,
    the newest last.
    """
    from observer.records.data_dir import DataDir
    from observer.records.read_only import reading
    from observer.records.trace_records import trace_of

    directory = DataDir(data_dir)
    now_ms = time.time() * 1000 if directory.owned() else None
    with reading(directory) as records:
        found = trace_of(records, wanted, tenant=tenant, now_ms=now_ms)
    if html is not None:
        write_page(html, found)
    if as_json:
        from observer.domain.trace_record import session_record

        emit(session_record(found.session_id, found.tenant_id, found.runs))
    elif html is None:
        show(found)


def show(found: "SessionTrace") -> None:
    """Every run, and above them whose they are."""
    from observer.cli.trace_lines import run_lines

    runs = "1 run" if len(found.runs) == 1 else f"{len(found.runs)} runs"
    say(f"session {found.session_id}  tenant {found.tenant_id}  {runs}")
    width = WIDTH_OFF_TERMINAL
    if sys.stdout.isatty():
        import shutil

        width = max(NARROWEST, shutil.get_terminal_size().columns)
    for run in found.runs:
        say("")
        for line in run_lines(run, width):
            typer.echo(line)
    if not found.runs:
        complain("No run of it began: what it waits for, or what became of it, is in its session.")


def write_page(file: Path, found: "SessionTrace") -> None:
    """One HTML file that needs no other."""
    from observer.cli.trace_page import page

    with writing(file) as out:
        out.write(page(found.session_id, found.tenant_id, found.runs))
    say(f"{file}: written", err=True)
