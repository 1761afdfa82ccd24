"""The lab, end to end, on a daemon of its own: send, watch, compare with what the lab says."""

import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from observer.cli.demo_daemon import running_daemon, tail
from observer.cli.demo_scenarios import SCENARIOS
from observer.cli.demo_stage import Stage
from observer.cli.environment import AsJson
from observer.cli.http import ObserverClient
from observer.cli.render import complain, emit
from observer.errors import ConfigurationError

PROJECT = Path(__file__).resolve().parents[2]


def demo(
    scenario: Annotated[
        str, typer.Option(help="What to show: " + ", ".join(SCENARIOS) + ".")
    ] = "lab",
    keep: Annotated[bool, typer.Option("--keep", help="Leave the data directory behind.")] = False,
    data_dir: Annotated[
        Path | None, typer.Option(help="An empty directory to use and keep; else a temporary one.")
    ] = None,
    config: Annotated[
        Path, typer.Option(help="The configuration directory; by default the lab's.")
    ] = PROJECT / "config",
    models: Annotated[
        str, typer.Option(help="A profile of models.yaml; the default needs no key.")
    ] = "runbook",
    as_json: AsJson = False,
) -> None:
    """Start an observer, send it the lab's events, and check what it did."""
    chosen = SCENARIOS.get(scenario)
    if chosen is None:
        raise ConfigurationError(
            f"There is no scenario {scenario!r}: choose one of {', '.join(SCENARIOS)}."
        )
    home = prepare(data_dir)
    # A SIGTERM runs the `finally` blocks below, so no daemon is left behind.
    before = signal.signal(signal.SIGTERM, leave)
    passed = False
    try:
        with (
            chosen.setting(home, config.resolve()) as more,
            running_daemon(
                home, config.resolve(), models, own := {**chosen.environment, **more}
            ) as daemon,
            ObserverClient(daemon.url) as observer,
        ):
            stage = Stage(observer, daemon, quiet=as_json)
            profile = own.get("OBSERVER_MODELS", models)
            stage.say(f"Observer at {daemon.url}, models: {profile}, data: {home}")
            chosen.play(stage)
        passed = stage.passed()
    finally:
        signal.signal(signal.SIGTERM, before)
        kept = keep or data_dir is not None or not passed
        if not passed:
            complain(f"The end of the daemon's log:\n{tail(home)}")
        if kept:
            complain(f"Everything it wrote is in {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)
    if as_json:
        emit(
            {
                "scenario": scenario,
                "ok": passed,
                "data_dir": str(home) if kept else None,
                **stage.record(),
            }
        )
    else:
        stage.say("All of it held." if passed else "NOT all of it held.")
    raise typer.Exit(0 if passed else 1)


def prepare(data_dir: Path | None) -> Path:
    """A directory with nothing in it: the demo counts incidents from zero."""
    if data_dir is None:
        return Path(tempfile.mkdtemp(prefix="observer-demo-"))
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        occupied = any(data_dir.iterdir())
    except OSError as error:
        raise ConfigurationError(f"{data_dir} cannot be used: {error.strerror}.") from None
    if occupied:
        raise ConfigurationError(f"{data_dir} is not empty, and the demo counts from zero.")
    return data_dir.resolve()


def leave(signum: int, frame: FrameType | None) -> None:
    sys.exit(128 + signum)
