"""The journal's files, read where they are: the daemon may run or not."""

import json
import time
from typing import Annotated, Any

import typer

from observer.cli.environment import DEFAULT_DATA_DIR, AsJson, DataDirOption, Tenant
from observer.cli.render import complain, emit, inert, say, shorten, when
from observer.domain.journal_kinds import Kind

LOOK_AGAIN_S = 0.25
COMMON = ("seq", "prev_hash", "key_id", "ts", "tenant_id", "session_id", "trace_id", "kind", "hash")
WIDEST = 200

journal = typer.Typer(help="What the observer decided, as a chain of hashes.", no_args_is_help=True)


@journal.callback()
def files() -> None:
    """What the observer decided, as a chain of hashes."""


@journal.command()
def verify(
    keyed_from: Annotated[
        int | None,
        typer.Option(min=1, help="Fail where this line, or one after it, has no key."),
    ] = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Check that every line is there as it was written; exit 1 naming the first that is not."""
    from observer.records.anchor import verify_journal
    from observer.records.data_dir import DataDir
    from observer.records.keyring import Keyring
    from observer.settings.journal_keys import journal_keys

    directory, keyring = DataDir(data_dir), Keyring(journal_keys())
    begin = time.perf_counter()
    verdict = verify_journal(directory, keyring, keyed_from)
    rate = verdict.lines / max(time.perf_counter() - begin, 1e-6)
    fault = verdict.fault
    if as_json:
        found: dict[str, Any] = {"whole": fault is None, "lines": verdict.lines}
        if fault is not None:
            found |= {"seq": fault.seq, "file": fault.file, "reason": fault.reason}
        elif verdict.keyed:
            found["keyed_from"] = verdict.keyed_from
        emit(found)
    elif fault is None:
        keyed = "" if keyring.current is None else f", {verdict.keyed} of them with a key"
        keyed += f" (from line {verdict.keyed_from} on)" if verdict.keyed else ""
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


@journal.command()
def tail(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl+C.")] = False,
    session: Annotated[str | None, typer.Option(help="Only of this session.")] = None,
    kind: Annotated[
        Kind | None, typer.Option(case_sensitive=False, help="Only of this kind.")
    ] = None,
    tenant: Tenant = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many at first.")] = 20,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show the last lines, and with --follow each new one; --json gives one object a line."""
    from observer.errors import DataDirUnusable
    from observer.records.data_dir import DataDir
    from observer.records.journal_lines import JournalTail

    folder = DataDir(data_dir).journal
    if not folder.is_dir():
        raise DataDirUnusable(f"{folder}: no observer has written a journal here")
    wanted = {"session_id": session, "kind": kind, "tenant_id": tenant}
    asked = {name: str(value) for name, value in wanted.items() if value is not None}
    found = JournalTail(folder, lambda line: all(line.get(n) == v for n, v in asked.items()))
    try:
        show(found.last(lines), as_json)
        while follow:
            time.sleep(LOOK_AGAIN_S)
            show(found.more(), as_json)
    except KeyboardInterrupt:
        return


def show(lines: list[dict[str, Any]], as_json: bool) -> None:
    """One line each; whatever stands in it, it stays one."""
    for line in lines:
        if as_json:
            typer.echo(json.dumps(line))
            continue
        whose = "/".join(inert(line[n]) for n in ("tenant_id", "session_id") if line.get(n))
        facts = (
            f"{inert(name)}={shorten(value, WIDEST)}"
            for name, value in line.items()
            if name not in COMMON and value not in (None, [], "")
        )
        what = [when(line.get("ts")), inert(line.get("seq")), f"{inert(line.get('kind')):<12}"]
        say("  ".join([*what, *([whose] if whose else []), " ".join(facts)]))
