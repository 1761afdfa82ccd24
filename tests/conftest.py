"""Shared fixtures: a daemon on a fresh data directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.observer_process import ObserverProcess


@pytest.fixture
def observer(tmp_path: Path) -> Iterator[ObserverProcess]:
    """A running daemon with the shipped configuration."""
    with ObserverProcess(tmp_path / "var") as process:
        yield process


@pytest.fixture
def make_observer(tmp_path: Path) -> Iterator[Callable[..., ObserverProcess]]:
    """Daemons that are not started yet, all on the same data directory."""
    made: list[ObserverProcess] = []

    def make(**options: object) -> ObserverProcess:
        process = ObserverProcess(tmp_path / "var", **options)  # type: ignore[arg-type]
        made.append(process)
        return process

    yield make
    for process in made:
        if process.process is not None and process.process.poll() is None:
            process.kill()
