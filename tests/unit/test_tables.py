"""Tables for a person, on a terminal of any width."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = [
    ["2026-11-22 03:51:30Z", "a674a806e519", "a-session-of-28-characters-1", "20 ms", "$0.0711"],
    ["2026-11-22 03:51:38Z", "0a0a420c9f4a", "a-session-of-28-characters-2", "1.2 s", "$0.00"],
]
PROSE = "the queue was too deep for more than five minutes, so a person was asked about it"


def shown(columns: int, rows: list[list[str]]) -> list[str]:
    """The lines that a terminal of so many columns is sent."""
    names = [f"column{i}" for i in range(len(rows[0]))]
    code = f"from observer.cli.render import table; table('Title', {names!r}, {rows!r})"
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=theirs,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "xterm"},
    ) as process:
        os.close(theirs)
        sent = b""
        while chunk := read(ours):
            sent += chunk
    os.close(ours)
    assert process.returncode == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", sent.decode()).splitlines()


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # its other end is closed
        return b""


@pytest.mark.parametrize("columns", [30, 60, 70, 75, 80, 85, 200])
def test_on_no_terminal_an_id_or_a_sum_is_broken_or_left_out(columns: int) -> None:
    lines = shown(columns, ROWS)
    for row in ROWS:
        for word in [word for cell in row for word in cell.split()]:
            assert [line for line in lines if word in line.split()], word


def test_prose_is_folded_into_what_the_terminal_has() -> None:
    lines = shown(60, [["a674a806e519", PROSE]])
    assert max(map(len, lines)) <= 60
    assert set(PROSE.split()) <= {word for line in lines for word in line.split()}
