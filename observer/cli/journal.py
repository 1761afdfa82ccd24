"""The journal's files, read where they are: the daemon may run or not."""

import time
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
    from observer.records.keyring import Keyring
    from observer.settings.journal_keys import journal_keys

    directory, keyring = DataDir(data_dir), Keyring(journal_keys())
    begin = time.perf_counter()
    verdict = verify_journal(directory, keyring)
    rate = verdict.lines / max(time.perf_counter() - begin, 1e-6)
    fault = verdict.fault
    if as_json:
        found: dict[str, Any] = {"whole": fault is None, "lines": verdict.lines}
        if fault is not None:
            found |= {"seq": fault.seq, "file": fault.file, "reason": fault.reason}
        emit(found)
    elif fault is None:
        keyed = "" if keyring.current is None else f", {verdict.keyed} of them with a key"
        say(
            f"the journal is whole: {verdict.lines} lines in {directory.journal}{keyed}"
            f" ({rate:,.0f} lines/s)"
        )
    if fault is not None:
        where = directory.journal if fault.file is None else directory.journal / fault.file
        complain(
            f"{where}: line {fault.seq} {fault.reason}. Up to line {fault.seq - 1} the journal is"
            " whole; keep the files as they are, and compare with a copy."
        )
        raise typer.Exit(1)
