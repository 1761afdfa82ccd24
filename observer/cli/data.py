"""What the records hold, for other tools, and its deletion."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from observer.cli.environment import (
    DEFAULT_CONFIG,
    DEFAULT_DATA_DIR,
    DEFAULT_URL,
    AsJson,
    ConfigDir,
    DataDirOption,
    Tenant,
    Url,
    settle,
)
from observer.cli.http import Unreachable, connect, is_local
from observer.cli.render import complain, emit, say
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

    wanted = Wanted(tenant, *_moments(since, until))
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


@data.command()
def delete(
    tenant: Annotated[str, typer.Option(help="Whose data.")],
    older_than: Annotated[
        str | None, typer.Option(help="Only what has not changed for so long: 90d.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    url: Url = DEFAULT_URL,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    config: ConfigDir = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Delete a tenant's ended sessions with everything of them; the journal's lines stay."""
    age_s = _age(older_than)
    found, running = _order(tenant, age_s, True, url, data_dir, config)
    if not dry_run:
        if not yes and not as_json:
            _show(found)
            typer.confirm("This cannot be undone. Delete?", abort=True, err=True)
        elif not yes:
            raise ConfigurationError("--json asks nothing: add --yes, or --dry-run")
        found, running = _order(tenant, age_s, False, url, data_dir, config)
    if as_json:
        emit(found)
        return
    _show(found)
    if not dry_run:
        say(
            "The observer deletes it little by little: `observer journal tail --kind deletion`"
            " says when it is done."
            if running
            else "It is deleted."
        )


def _order(
    tenant: str, age_s: float, dry_run: bool, url: str, data_dir: Path, config: Path
) -> tuple[dict[str, Any], bool]:
    """Ask the daemon; while it is down, do it on disk. Whether it runs, too."""
    body = {"tenant_id": tenant, "older_than_s": age_s, "dry_run": dry_run}
    try:
        with connect(url) as observer:
            return observer.post("/data/delete", body).or_refuse(), True
    except Unreachable:
        # Our own disk holds nothing of an observer on another machine.
        if not is_local(url):
            raise
    settle(data_dir, config)
    from observer.offline import delete_offline

    return delete_offline(tenant, age_s, dry_run=dry_run), False


def _show(found: dict[str, Any]) -> None:
    verb = "would go" if found["dry_run"] else "go"
    say(f"{found['tenant_id']}: {found['sessions']} sessions {verb} with everything of them,")
    say(f"and {found['incidents']} past incidents.")
    if found["open"]:
        complain(f"{found['open']} sessions stay: they are open. Ask again when they have ended.")
    if found["younger"]:
        complain(f"{found['younger']} sessions stay: they have changed since.")


def _age(text: str | None) -> float:
    from observer.domain.conditions import ParseError, parse_duration

    try:
        return 0.0 if text is None else parse_duration(text)
    except ParseError as error:
        raise ConfigurationError(str(error)) from None


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


def _moments(since: str | None, until: str | None) -> tuple[float | None, float | None]:
    """Unix times of moments that are written out, or so long ago."""
    from observer.domain.moments import parse_moments

    try:
        begin, end = parse_moments(since, until, datetime.now(UTC))
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    return (None if begin is None else begin / 1000, None if end is None else end / 1000)
