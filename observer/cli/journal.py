"""The journal's files, read where they are: the daemon may run or not."""

from typing import Any

import typer

from observer.cli.environment import DEFAULT_DATA_DIR, AsJson, DataDirOption
from observer.cli.render import complain, emit, say

journal = typer.Typer(help="What the observer decided, as a chain of hashes.", no_args_is_help=True)


@journal.callback()
def files() -> None:
    """What the observer decided, as a chain of hashes."""


@journal.command()
def verify(data_dir: DataDirOption = DEFAULT_DATA_DIR, as_json: AsJson = False) -> None:
    """Check that every line is there as it was written; exit 1 naming the first that is not."""
    from observer.records.anchor import verify_journal
    from observer.records.data_dir import DataDir

    directory = DataDir(data_dir)
    verdict = verify_journal(directory)
    fault = verdict.fault
    if as_json:
        found: dict[str, Any] = {"whole": fault is None, "lines": verdict.lines}
        if fault is not None:
            found |= {"seq": fault.seq, "file": fault.file, "reason": fault.reason}
        emit(found)
    elif fault is None:
        say(f"the journal is whole: {verdict.lines} lines in {directory.journal}")
    if fault is not None:
        where = directory.journal if fault.file is None else directory.journal / fault.file
        complain(
            f"{where}: line {fault.seq} {fault.reason}. Up to line {fault.seq - 1} the journal is"
            " whole; keep the files as they are, and compare with a copy."
        )
        raise typer.Exit(1)
