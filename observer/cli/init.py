"""Write a configuration directory to start from."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from observer.cli.environment import AsJson
from observer.cli.render import emit, say


class Example(StrEnum):
    """The examples there are."""

    LAB = "lab"
    STACK = "stack"


NEXT = {
    Example.LAB: (
        "observer validate --config {directory}",
        "observer serve --config {directory}",
    ),
    Example.STACK: (
        "edit {directory}/observer.yaml: where your Prometheus, logs, supervisord and Redis are",
        "edit {directory}/dependency_tree.yaml: what your numbers stand on",
        "observer validate --config {directory}",
        "observer tree why entity_data_freshness --config {directory}",
        "observer serve --config {directory}",
        "all of it, step by step: docs/point-it-at-your-stack.md",
    ),
}


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="New, or empty.")],
    example: Annotated[
        Example, typer.Option(help="The lab of the demo, or a real stack.")
    ] = Example.LAB,
    as_json: AsJson = False,
) -> None:
    """Write a commented configuration directory to start from."""
    from observer.settings.examples import write_example

    files = write_example(example, directory)
    steps = [step.format(directory=directory) for step in NEXT[example]]
    if as_json:
        emit({"directory": str(directory), "example": example, "files": files, "next": steps})
        return
    say(f"{directory}: {', '.join(files)}")
    say("next:")
    for step in steps:
        typer.echo(f"  {step}")
