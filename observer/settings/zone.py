"""The time zone of the budget's days, for commands that need nothing else of the configuration."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from observer.settings.budget import Budget
from observer.settings.reader import Reader
from observer.settings.schema import ObserverSettings


def budget_zone(directory: Path) -> ZoneInfo:
    """`budget.time_zone` of a configuration directory; the default where there is no such file.

    Raises:
        ConfigurationError: observer.yaml is not valid.
    """
    if not (directory / "observer.yaml").is_file():
        return Budget().time_zone
    reader = Reader(directory)
    settings = reader.read("observer.yaml", ObserverSettings)
    reader.raise_problems()
    assert settings is not None  # noqa: S101  raise_problems has seen to it
    return settings.budget.time_zone
