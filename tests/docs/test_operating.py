"""The page about operating it names every state and every cause of a hold."""

from __future__ import annotations

import re

from observer.domain.hold import HoldCause
from observer.domain.lifecycle import Lifecycle
from tests.observer_process import ROOT

PAGE = (ROOT / "docs" / "operating.md").read_text()


def rows(heading: str) -> set[str]:
    """The words in code of the first column of the table below a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    firsts = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {word for first in firsts for word in re.findall(r"`(\w+)`", first)}


def test_every_state_is_explained() -> None:
    assert rows("States") == {*map(str, Lifecycle)}


def test_every_cause_of_a_hold_is_explained() -> None:
    assert rows("What holds work back") == {*map(str, HoldCause)}
