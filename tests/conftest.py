"""Shared fixtures: a daemon on a fresh data directory; and how property tests draw."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from observer.cli.large_imports import kept_for_good
from tests.observer_process import ObserverProcess

# The same examples at every run, unless somebody goes exploring: EXPLORE=1 make check. No deadline
# per example, because a busy machine is no failure.
settings.register_profile(
    "pipeline-observer", deadline=None, print_blob=True, derandomize="EXPLORE" not in os.environ
)
settings.load_profile("pipeline-observer")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """The tests and what they import stay to the end: going through them costs a fifth."""
    with kept_for_good():
        return (yield)


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
