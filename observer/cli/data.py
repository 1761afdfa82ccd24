"""What the records hold, for other tools, and its deletion."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from observer.cli.environment import (
    DEFAULT_DATA_DIR,
    AsJson,
    DataDirOption,
    Tenant,
)
from observer.cli.render import emit, say
from observer.errors import ConfigurationError

if TYPE_CHECKING:
    from observer.records.export import What

data = typer.Typer(help="Export the records, and delete a tenant's.", no_args_is_help=True)

EVERYTHING = "spans,sessions,transitions,journal,costs,evals"


@data.callback()
def records() -> None:
    """Export the records, and delete a tenant's."""


@data.command()
def export(
    out: Annotated[
        Path, typer.Option(help="A folder, one file each; or one FILE.jsonl or FILE.parquet.")
    ],
    tenant: Tenant = None,
    since: Annotated[
        str | None, typer.Option(help="From then on: 24h, 7d, or a date and time in UTC.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Up to then, not with it.")] = None,
    what: Annotated[
        str, typer.Option(metavar="NAMES", help="Some of these, with commas.")
    ] = EVERYTHING,
    form: Annotated[
        str | None, typer.Option("--format", metavar="jsonl|parquet", help="Of a folder's files.")
    ] = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Write spans, sessions, the ledger, the journal, costs and eval candidates to files."""
    from observer.records.data_dir import DataDir
    from observer.records.export import Wanted, rows_of
    from observer.records.export_files import refuse_without_extra, write_rows

    now = time.time()
    wanted = Wanted(tenant, _moment(since, now), _moment(until, now))
    names = _names(what)
    kind, paths = _files(out, names, form)
    refuse_without_extra(kind)
    directory = DataDir(data_dir)
    written: list[dict[str, Any]] = []
    for name, path in zip(names, paths, strict=True):
        rows = write_rows(path, name, rows_of(directory, name, wanted), kind)
        written.append({"what": str(name), "rows": rows, "file": str(path)})
        if not as_json:
            say(f"{name}: {rows} rows in {path}")
    if as_json:
        emit({"files": written})


def _names(text: str) -> list["What"]:
    from observer.records.export import What

    names = list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    unknown = [name for name in names if name not in list(What)]
    if unknown or not names:
        raise ConfigurationError(f"--what takes some of {EVERYTHING}; not {', '.join(unknown)!r}")
    return [What(name) for name in names]


def _files(out: Path, names: list["What"], given: str | None) -> tuple[Any, list[Path]]:
    from observer.records.export_files import Format

    forms = {f".{form}": form for form in Format}
    if out.suffix in forms and not out.is_dir():
        form = forms[out.suffix]
        if len(names) > 1 or given not in (None, str(form)):
            raise ConfigurationError(
                f"{out} is one file of {form}: name one --what, and no other --format;"
                " or give a folder"
            )
        return form, [out]
    if given not in (None, *forms.values()):
        raise ConfigurationError(f"--format takes {' or '.join(Format)}, not {given!r}")
    form = Format(given or Format.JSONL)
    return form, [out / f"{name}.{form}" for name in names]


def _moment(text: str | None, now: float) -> float | None:
    """Unix time of `24h` ago, or of a date and time that is UTC where it does not say."""
    from observer.domain.conditions import ParseError, parse_duration

    if text is None:
        return None
    try:
        return now - parse_duration(text)
    except ParseError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is no time; write for example 24h, 7d, 2026-11-22 or 2026-11-22T03:00:00Z"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
