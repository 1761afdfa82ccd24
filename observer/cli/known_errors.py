"""What the observer knows of past errors, and a person's word on it."""

import getpass
from pathlib import Path
from typing import Annotated, Any

import typer

from observer.cli.environment import DEFAULT_URL, AsJson, Url
from observer.cli.http import connect, path_to
from observer.cli.render import complain, emit, facts, inert, say, table, when
from observer.errors import ConfigurationError

known_errors = typer.Typer(
    help="What was seen before, and the fix that held.", no_args_is_help=True
)

KnownErrorId = Annotated[str, typer.Argument(metavar="ID", help="An id of `known-errors list`.")]
Comment = Annotated[str, typer.Option(help="Why; it is kept with the ruling.")]
OneStatus = Annotated[
    str | None, typer.Option("--status", help="Only proposed, accepted or retired ones.")
]


@known_errors.callback()
def knowledge() -> None:
    """What was seen before, and the fix that held."""


@known_errors.command("list")
def list_all(status: OneStatus = None, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """List them with how often each fix was verified, and how far that can be trusted."""
    found = fetch(url, status)
    if as_json:
        emit({"known_errors": found})
        return
    columns = ("id", "status", "origin", "node", "held", "failed", "trust", "time", "last seen")
    rows = [
        [
            one["id"],
            one["status"],
            one["origin"],
            one["entry"]["signature"]["node"],
            one["entry"]["occurrence_count"],
            one["failures"],
            f"{one['trust']:.2f}",
            one["entry"].get("resolution_time_avg"),
            one["entry"].get("last_seen"),
        ]
        for one in found
    ]
    table("Known errors", columns, rows)
    if not rows:
        complain("No known error matches.")


@known_errors.command()
def show(known_error: KnownErrorId, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Show one: its signature, its fix, its figures, and who ruled on it."""
    with connect(url) as observer:
        found = observer.get(path_to("known-errors", known_error)).or_refuse()
    if as_json:
        emit(found)
        return
    entry = found["entry"]
    signature = entry["signature"]
    ruled = found["ruled_at"] and f"{found['ruled_by']}, {when(found['ruled_at'])}"
    facts(
        [
            ("id", found["id"]),
            ("status", found["status"]),
            ("ruled by", ruled),
            ("reason", found["reason"]),
            ("origin", found["origin"]),
            ("learned from", found["session_id"]),
            ("node", signature["node"]),
            ("log pattern", signature["log_pattern"]),
            ("condition", signature.get("metric_condition")),
            ("root cause", entry["root_cause"]),
            ("fix", entry["fix"]["type"]),
            ("held", entry["occurrence_count"]),
            ("failed", found["failures"]),
            ("trust", f"{found['trust']:.2f} (it holds at least so often, with 95 % confidence)"),
            ("time", entry.get("resolution_time_avg")),
            ("first seen", entry.get("first_seen")),
            ("last seen", entry.get("last_seen")),
        ]
    )
    for step in entry["fix"].get("steps") or []:
        say(f"step  {inert(step)}")


@known_errors.command()
def accept(
    known_error: KnownErrorId,
    comment: Comment = "",
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Act upon a proposed or retired one from now on, as far as autonomy.yaml lets it."""
    rule(known_error, "accept", comment, url, as_json)


@known_errors.command()
def retire(
    known_error: KnownErrorId,
    comment: Comment = "",
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Do not act upon one any more, or turn down a proposed one; it explains near misses."""
    rule(known_error, "retire", comment, url, as_json)


@known_errors.command()
def export(
    proposed: Annotated[
        bool, typer.Option("--proposed", help="The proposed ones, for a review.")
    ] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Print what is in use as a known_errors.yaml, with its present figures."""
    from observer.settings.known_error_rows import as_file

    rows = [one["entry"] for one in fetch(url, "proposed" if proposed else "accepted")]
    if as_json:
        emit({"errors": rows})
    else:
        typer.echo(as_file(rows), nl=False)


@known_errors.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="In the schema of known_errors.yaml.")],
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Propose the known errors of a file; each of them waits for `accept`."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read: {error}") from None
    body = {"text": text, "name": file.name, "by": me()}
    with connect(url) as observer:
        found = observer.post(path_to("known-errors", "import"), body).or_refuse()
    if as_json:
        emit(found)
        return
    for one in found["proposed"]:
        say(f"{one} is proposed")
    for one in found["known"]:
        say(f"{one} is known already and stays as it is", err=True)


def fetch(url: str, status: str | None) -> list[dict[str, Any]]:
    """All of a status."""
    with connect(url) as observer:
        return observer.get("/known-errors", status=status).or_refuse()["known_errors"]


def rule(known_error: str, verb: str, comment: str, url: str, as_json: bool) -> None:
    """Say a word on one, and what became of it."""
    with connect(url) as observer:
        path = path_to("known-errors", known_error, verb)
        found = observer.post(path, {"by": me(), "comment": comment}).or_refuse()
    if as_json:
        emit(found)
    else:
        say(f"{known_error} is {found['status']}")


def me() -> str:
    """Whose word the journal notes."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "a person"
