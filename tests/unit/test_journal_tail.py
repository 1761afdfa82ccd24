"""`observer journal tail`: the last lines, each new one, over midnight, and inert in a terminal."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from observer.cli.app import app
from observer.domain.journal_kinds import Kind
from observer.records import journal_lines
from observer.records.journal_lines import JournalTail
from tests.observer_process import ROOT
from tests.unit.test_journal import DAY, NOON, Records


def run(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["journal", "tail", "--data-dir", str(folder), *options])


def shown(folder: Path, *options: str) -> list[dict[str, Any]]:
    result = run(folder, "--json", *options)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(now=NOON)
    monkeypatch.setattr(time, "time", lambda: now.now)
    return now


def write(folder: Path, *lines: dict[str, Any]) -> None:
    """Lines of the journal, as a life of the observer writes them."""

    async def life() -> None:
        records = Records(folder)
        await records.database.open()
        for line in lines:
            await records.database.write(
                lambda c, line=line: records.journal.append(c, line.pop("kind", "decision"), **line)
            )
        await records.drain()
        await records.database.close()

    asyncio.run(life())


@pytest.fixture
def folder(tmp_path: Path, clock: SimpleNamespace) -> Path:
    """Two days of two tenants."""
    for day in range(2):
        clock.now = NOON + day * DAY
        write(
            tmp_path,
            {"kind": "event", "tenant_id": "acme", "session_id": f"s-{day}", "message": "late"},
            {"kind": "ruling", "tenant_id": "acme", "session_id": f"s-{day}", "because": "rule"},
            {"kind": "event", "tenant_id": "initech", "session_id": "s-9", "message": "later"},
        )
    return tmp_path


def test_the_last_lines_come_in_their_order_over_files(folder: Path) -> None:
    assert [line["seq"] for line in shown(folder)] == [1, 2, 3, 4, 5, 6]
    assert [line["seq"] for line in shown(folder, "--lines", "4")] == [3, 4, 5, 6]
    assert shown(folder, "-n", "0") == []


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (["--session", "s-9"], [3, 6]),
        (["--tenant", "acme"], [1, 2, 4, 5]),
        (["--kind", "ruling"], [2, 5]),
        (["--kind", "RuLiNg", "--session", "s-1"], [5]),
        (["--tenant", "acme", "--kind", "event", "--lines", "1"], [4]),
        (["--session", "nobody"], []),
    ],
)
def test_filters_add_up(folder: Path, options: list[str], numbers: list[int]) -> None:
    assert [line["seq"] for line in shown(folder, *options)] == numbers


def test_a_wrong_kind_is_refused_with_those_there_are(folder: Path) -> None:
    refused = run(folder, "--kind", "gossip")
    assert refused.exit_code == 2
    assert all(kind in refused.stderr for kind in Kind)


def test_without_a_journal_tail_says_so_and_is_exit_2(tmp_path: Path) -> None:
    refused = run(tmp_path)
    assert refused.exit_code == 2
    assert str(tmp_path / "journal") in refused.stderr


def test_a_line_is_one_line_of_plain_text_whatever_stands_in_it(
    tmp_path: Path, clock: SimpleNamespace
) -> None:
    """Case 60: a message that would clear the screen or forge the next line."""
    evil = "\x1b[2J\x1b]0;owned\x07red\x9b31m\nnext\u202e\r2030-01-01 ruling allow"
    write(tmp_path, {"session_id": "s\x1b[31m", "because": evil, "args": {"\x1b[1mkey": [evil]}})
    for options in ([], ["--json"]):
        out = run(tmp_path, *options).stdout
        assert out.count("\n") == 1 and out.endswith("\n")
        assert all(c.isprintable() for c in out[:-1])
    assert "2025-06-15 12:00:00Z  1  decision" in run(tmp_path).stdout


def test_more_are_the_lines_since_the_last_look_in_the_next_days_file_too(
    folder: Path, clock: SimpleNamespace
) -> None:
    tail = JournalTail(folder / "journal", lambda line: line["kind"] == "event")
    assert [line["seq"] for line in tail.last(1)] == [6]
    assert tail.more() == []
    write(folder, {"kind": "event"}, {"kind": "ruling"})
    clock.now = NOON + 2 * DAY
    write(folder, {"kind": "event"})
    clock.now = NOON  # set back: an older file grows again
    write(folder, {"kind": "event"})
    assert [line["seq"] for line in tail.more()] == [7, 9, 10]
    assert tail.more() == []


def test_a_line_that_is_not_whole_yet_is_shown_once_it_is(tmp_path: Path) -> None:
    file = tmp_path / "2026-01-01.jsonl"
    text = json.dumps({"seq": 1, "reason": "é"}).encode() + b"\n"
    tail = JournalTail(tmp_path, lambda _: True)
    seen = []
    for byte in text + text:
        with file.open("ab") as writer:
            writer.write(bytes([byte]))
        seen.append(len(tail.more()))
    assert (sum(seen), seen[len(text) - 1], seen[-1]) == (2, 1, 1)


@given(
    texts=st.lists(st.text("ab", max_size=12), max_size=12),
    torn=st.text("c", max_size=9),
    block=st.integers(1, 20),
    count=st.integers(0, 14),
)
def test_reading_from_the_end_is_reading_all_and_keeping_the_last(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], torn: str, block: int, count: int
) -> None:
    """However lines and blocks fall on each other."""
    folder = tmp_path_factory.mktemp("journal")
    lines = [json.dumps({"seq": n, "t": text}) for n, text in enumerate(texts)]
    (folder / "2026-01-01.jsonl").write_text("".join(f"{line}\n" for line in lines) + torn)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_lines, "_BLOCK_BYTES", block)
        found = JournalTail(folder, lambda _: True).last(count)
    assert found == [json.loads(line) for line in lines][len(lines) - min(count, len(lines)) :]


@pytest.mark.slow
def test_follow_shows_what_is_written_and_ends_cleanly_with_ctrl_c(folder: Path) -> None:
    command = [sys.executable, "-m", "observer.cli.app", "journal", "tail", "--follow", "-n", "1"]
    follower = subprocess.Popen(
        [*command, "--json", "--data-dir", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    try:
        assert json.loads(follower.stdout.readline())["seq"] == 6
        write(folder, {"kind": "event", "message": "fresh"})
        assert json.loads(follower.stdout.readline())["message"] == "fresh"
        follower.send_signal(signal.SIGINT)
        out, err = follower.communicate(timeout=30)
        assert (follower.returncode, out, err) == (0, "", "")
    finally:
        follower.kill()
