"""Run the daemon in the foreground."""

import contextlib
import os
import socket
import sys
from typing import Annotated

import typer

from observer.cli.environment import (
    DEFAULT_CONFIG,
    DEFAULT_DATA_DIR,
    AsJson,
    ConfigDir,
    DataDirOption,
    settle,
)
from observer.cli.large_imports import kept_for_good
from observer.errors import ConfigurationError
from observer.records.data_dir import DataDir


def serve(
    host: Annotated[
        str, typer.Option(envvar="OBSERVER__SERVER__HOST", help="The address to bind.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            envvar="OBSERVER__SERVER__PORT", min=0, max=65535, help="0 takes any free port."
        ),
    ] = 9090,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    config: ConfigDir = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Run the daemon until SIGTERM or Ctrl+C."""
    settle(data_dir, config)
    DataDir(data_dir).refuse_if_held()
    with kept_for_good():
        from server import run

    if not as_json:
        raise typer.Exit(run(host, port))
    # The one JSON line must name the port, so a free one is chosen here and not by the daemon.
    port = port or free_port(host)
    started = {"pid": os.getpid(), "host": host, "port": port}
    emit_line({**started, "data_dir": str(data_dir), "config": str(config)})
    with contextlib.redirect_stdout(sys.stderr):
        code = run(host, port)
    raise typer.Exit(code)


def emit_line(data: dict[str, object]) -> None:
    import json

    typer.echo(json.dumps(data))


def free_port(host: str) -> int:
    """A port that nobody listens on right now."""
    try:
        with socket.create_server((host, 0)) as listener:
            return int(listener.getsockname()[1])
    except OSError as error:
        raise ConfigurationError(f"No port can be opened on {host}: {error}.") from None
