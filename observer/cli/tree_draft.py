"""`observer tree draft`: the first pass over an orchestrator's configuration."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from observer.cli.environment import AsJson
from observer.cli.render import emit, say
from observer.errors import ConfigurationError

if TYPE_CHECKING:
    from observer.domain.draft.tree import Draft


def draft(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="configuration files")],
    supervisor: Annotated[
        bool, typer.Option("--supervisor", help="The files are supervisord's.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write here instead of stdout; never over another file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draft dependency_tree.yaml from what is run, for a person to verify; nothing is started."""
    if not supervisor:
        raise ConfigurationError(
            f"what kind of files are they? Write: observer tree draft --supervisor {files[0]}"
        )
    from observer.domain.draft.tree import draft_tree
    from observer.settings.supervisor_files import read_supervisors

    found = read_supervisors(files)
    drafted = draft_tree(found.supervisors, found.read, found.remarks)
    if out is not None:
        _write(out, drafted.text)
    if as_json:
        emit({**_facts(drafted), "read": found.read, "out": None if out is None else str(out)})
        return
    if out is None:
        typer.echo(drafted.text, nl=False)
    counts = f"metrics: {len(drafted.metrics)}, nodes: {len(drafted.nodes)}, TODO: {drafted.todos}"
    say(f"a draft, to be verified by a person; {counts}", err=True)


def _facts(drafted: "Draft") -> dict[str, Any]:
    return {
        "draft": drafted.text,
        "metrics": drafted.metrics,
        "nodes": drafted.nodes,
        "todos": drafted.todos,
        "left_out": [{"section": name, "reason": reason} for name, reason in drafted.skipped],
    }


def _write(out: Path, text: str) -> None:
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigurationError(f"{out}: is there already; choose another name") from None
    except OSError as error:
        raise ConfigurationError(f"{out}: cannot be written: {error.strerror}") from None
