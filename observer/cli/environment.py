"""What the commands take from outside: shared options, `.env`, and where this observer lives."""

import os
from pathlib import Path
from typing import Annotated

import typer

from observer.errors import ConfigurationError

AsJson = Annotated[bool, typer.Option("--json", help="Data on stdout as JSON, nothing else.")]
Url = Annotated[str, typer.Option(envvar="OBSERVER_URL", help="Where the observer listens.")]
Tenant = Annotated[str | None, typer.Option(help="Only this tenant.")]
DataDirOption = Annotated[
    Path, typer.Option(envvar="OBSERVER_DATA_DIR", help="The records of this observer.")
]
ConfigDir = Annotated[
    Path, typer.Option("--config", envvar="OBSERVER_CONFIG", help="The configuration directory.")
]

DEFAULT_URL = "http://127.0.0.1:9090"
DEFAULT_DATA_DIR = Path("var")
DEFAULT_CONFIG = Path("config")
MOST_ROWS = 1_000_000_000
"""More than any file holds, and still a number that SQLite takes."""


def read_dotenv(path: Path = Path(".env")) -> None:
    """Put what `.env` says into the environment; what is already set there wins."""
    if not path.is_file():
        return
    try:
        from dotenv import load_dotenv
    except ImportError:
        return
    try:
        load_dotenv(path)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from None


def settle(data_dir: Path, config: Path) -> None:
    """Make the chosen directories known to everything that reads them from the environment."""
    os.environ["OBSERVER_DATA_DIR"] = str(data_dir)
    os.environ["OBSERVER_CONFIG"] = str(config)


def webhook_secret() -> str | None:
    """The first of `OBSERVER_WEBHOOK_SECRET`: several stand there while one replaces another."""
    secrets = os.environ.get("OBSERVER_WEBHOOK_SECRET", "").split(",")
    return next((secret.strip() for secret in secrets if secret.strip()), None)
