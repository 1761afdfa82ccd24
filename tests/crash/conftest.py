"""Whatever a test of this folder does to a daemon, its journal must verify afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.evidence import config_with_dying_tools, journal_faults
from tests.observer_process import ObserverProcess


@pytest.fixture(autouse=True)
def journal_verifies(tmp_path: Path) -> Iterator[None]:
    """Every journal that a test leaves has a whole chain without gaps."""
    yield
    for database in tmp_path.glob("*/observer.db"):
        assert journal_faults(database.parent) == []


@pytest.fixture
def make_doomed(
    make_observer: Callable[..., ObserverProcess], tmp_path: Path
) -> Callable[..., ObserverProcess]:
    """Daemons whose tool server kills them on order."""
    config = config_with_dying_tools(tmp_path)
    return lambda **options: make_observer(config=config, **options)
