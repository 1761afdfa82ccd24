"""Recorded events tried again: what changed since a person said what must come of them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from observer.cli.environment import (
    DEFAULT_CONFIG,
    DEFAULT_DATA_DIR,
    AsJson,
    ConfigDir,
    DataDirOption,
)
from observer.cli.large_imports import kept_for_good
from observer.cli.render import complain, emit, say
from observer.cli.sessions import OfTenant

evals = typer.Typer(help="Try recorded events again.", no_args_is_help=True)
DEFAULT_FILE = Path("evals/lab.jsonl")

Files = Annotated[
    list[Path] | None, typer.Argument(metavar="FILE...", help=f"By default {DEFAULT_FILE}.")
]


@evals.callback()
def trials() -> None:
    """Try recorded events again."""


@evals.command()
def run(files: Files = None, config: ConfigDir = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Replay labelled events with their recorded tool results against this configuration.

    Exit code 0 when all that the labels demand holds, else 1.
    """
    import asyncio
    import logging

    with kept_for_good():
        from observer.evals.cases import read_cases
        from observer.evals.replay import replay
        from observer.evals.same_calls import SameCalls
        from observer.evals.verdict import Verdict, judge
        from observer.settings import load_configuration
        from server import build_graph, serializer

    # What was broken then is no news: a trial says it in its own lines.
    logging.getLogger("observer").setLevel(logging.ERROR)
    cases, unlabelled = read_cases(files or [DEFAULT_FILE])
    configuration = load_configuration(config)
    same_calls = SameCalls.under(configuration)

    async def try_all() -> list[Verdict]:
        verdicts: list[Verdict] = []
        for case in cases:
            assert case.label is not None  # noqa: S101  only labelled ones are tried
            replayed = await replay(case, configuration, build_graph, serializer())
            verdicts.append(judge(case, case.label, replayed, same_calls))
            if not as_json:
                show(verdicts[-1])
        return verdicts

    verdicts = asyncio.run(try_all())
    broken = sum(not verdict.passed for verdict in verdicts)
    summary = {
        "cases": len(verdicts),
        "held": len(verdicts) - broken,
        "broken": broken,
        "changed": sum(bool(verdict.changed) for verdict in verdicts),
        "unrecorded": sum(bool(verdict.unrecorded) for verdict in verdicts),
        "unlabelled": unlabelled,
        "cost_nano": sum(verdict.cost_nano for verdict in verdicts),
        "recorded_cost_nano": sum(verdict.recorded_cost_nano for verdict in verdicts),
    }
    if as_json:
        shown = [{**asdict(verdict), "passed": verdict.passed} for verdict in verdicts]
        emit({"summary": summary, "verdicts": shown})
    else:
        told = ", ".join(f"{count} {what}" for what, count in summary.items() if what != "cases")
        say(f"{len(verdicts)} cases: {told}")
    raise typer.Exit(1 if broken else 0)


def show(verdict: Any) -> None:
    """One case, a line for it and one for each thing that is not as it was."""
    say(f"{'ok    ' if verdict.passed else 'BROKEN'}  {verdict.case}: {verdict.outcome}")
    if not verdict.passed:
        say(f"        labelled because {verdict.because}")
    for what, lines in (
        ("broken", verdict.broken),
        ("changed", verdict.changed),
        ("unrecorded", verdict.unrecorded),
    ):
        for line in lines:
            say(f"        {what}: {line}")


@evals.command()
def label(
    session_id: Annotated[str, typer.Argument(metavar="SESSION", help="A session that ended.")],
    because: Annotated[str, typer.Option(help="Why just this must come of it.")],
    must_not: Annotated[
        list[str] | None, typer.Option(metavar="TOOL", help="A tool that may never be called.")
    ] = None,
    tenant: OfTenant = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Print a session's last candidate with a label that demands what was recorded.

    A line for a file of `evals run`; where something else would have been right, change it there.
    """
    from observer.domain.eval_case import label_of
    from observer.evals.cases import read_rows
    from observer.records.data_dir import DataDir

    rows = read_rows(DataDir(data_dir).evals).values()
    found = [
        row
        for row in rows
        if row.get("session_id") == session_id and tenant in (None, row["tenant_id"])
    ]
    owners = sorted({row["tenant_id"] for row in found})
    if len(owners) > 1:
        complain(f"Tenants {', '.join(owners)} each have a session '{session_id}'. Say which one.")
        raise typer.Exit(1)
    if not found:
        complain(f"No event of session '{session_id}' has ended in a run.")
        raise typer.Exit(1)
    row = max(found, key=lambda one: one["ended_at"])
    demanded = label_of(row, because=because, must_not=must_not or [])
    row.pop("row", None)
    typer.echo(json.dumps({**row, "label": demanded.model_dump(mode="json")}))
