"""`observer journal verify`: what was changed or taken away is found, and named by its number."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from observer.cli.app import app
from observer.domain.redaction import Redactor
from observer.records.chain import GENESIS, line_hash, verify
from observer.records.data_dir import DataDir
from observer.records.database import Database
from observer.records.drain import Drain
from observer.records.journal import Journal
from observer.records.keyring import Keyring
from observer.settings.journal_keys import journal_keys

NOON = 1_750_000_000.0 // 86400 * 86400 + 43200
DAY = 86400.0
LINES = 12
KEY = "a key of the journal that is long enough"


def run(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["journal", "verify", "--data-dir", str(folder), *options])


WITH_AND_WITHOUT_KEY = pytest.mark.parametrize(
    "folder", ["", KEY], ids=["plain", "with a key"], indirect=True
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A data directory whose journal has four lines on each of three days."""
    monkeypatch.setenv("OBSERVER_JOURNAL_KEY", getattr(request, "param", ""))
    clock = SimpleNamespace(now=NOON)
    monkeypatch.setattr(time, "time", lambda: clock.now)

    async def write() -> None:
        directory = DataDir(tmp_path)
        for path in (directory.journal, directory.spans, directory.evals.parent):
            path.mkdir()
        database, journal = Database(directory.records), Journal(Redactor([]))
        await database.open()
        for number in range(LINES):
            clock.now = NOON + number // 4 * DAY
            await database.write(lambda c, n=number: journal.append(c, "ruling", reason=f"r{n}"))
        drain = Drain(database, directory, journal, Keyring(journal_keys()))
        drain.start()
        await drain.stop()
        await database.close()

    asyncio.run(write())
    return tmp_path


def files(folder: Path) -> list[Path]:
    return sorted((folder / "journal").glob("*.jsonl"))


@WITH_AND_WITHOUT_KEY
def test_a_whole_journal_is_exit_0(folder: Path) -> None:
    assert run(folder).exit_code == 0
    found = run(folder, "--json")
    keyed = {"keyed_from": 1} if journal_keys() else {}
    assert json.loads(found.stdout) == {"whole": True, "lines": LINES, **keyed}


@WITH_AND_WITHOUT_KEY
def test_any_flipped_byte_is_found_and_the_lines_number_is_named(folder: Path) -> None:
    """Case 15: every byte of a line in the middle, to a random other value."""
    chance = random.Random(15)
    path = files(folder)[1]
    whole = path.read_bytes()
    ends = [i for i, byte in enumerate(whole) if byte == ord("\n")]
    for position in range(ends[0] + 1, ends[1]):
        changed = bytearray(whole)
        changed[position] ^= chance.randrange(1, 256)
        path.write_bytes(changed)
        fault = verify(folder / "journal", None, Keyring(journal_keys())).fault
        assert fault is not None, position
        assert (fault.seq, fault.file) == (6, path.name), position


@WITH_AND_WITHOUT_KEY
def test_verify_is_exit_1_and_names_the_number_in_prose_and_as_json(folder: Path) -> None:
    """Case 15."""
    path = files(folder)[1]
    path.write_bytes(path.read_bytes().replace(b'"r5"', b'"R5"'))
    found = run(folder, "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout) == {
        "whole": False,
        "lines": 5,
        "seq": 6,
        "file": path.name,
        "reason": "was changed",
    }
    plain = run(folder)
    assert plain.exit_code == 1
    assert f"{path}: line 6 was changed" in plain.stderr


def test_a_changed_line_with_a_new_hash_of_its_own_is_found_at_the_next_one(folder: Path) -> None:
    """Case 15."""
    path = files(folder)[1]
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    lines[1]["reason"] = "forged"
    lines[1]["hash"] = line_hash(lines[1])
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    fault = verify(folder / "journal").fault
    assert fault is not None
    assert (fault.seq, fault.reason) == (7, "does not follow the line before it")


@WITH_AND_WITHOUT_KEY
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_last_lines_cannot_be_deleted_unnoticed(folder: Path, count: int) -> None:
    """Case 16: from the files alone it cannot be seen; the records remember."""
    path = files(folder)[-1]
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-count]))
    assert verify(folder / "journal", None, Keyring(journal_keys())).fault is None
    found = run(folder, "--json")
    assert (found.exit_code, json.loads(found.stdout)["seq"]) == (1, LINES + 1 - count)


@WITH_AND_WITHOUT_KEY
@pytest.mark.parametrize(("day", "first"), [(0, 1), (1, 5), (2, 9)])
def test_no_days_file_can_be_deleted_unnoticed(folder: Path, day: int, first: int) -> None:
    """Case 16: the oldest, one in the middle, the newest."""
    files(folder)[day].unlink()
    found = run(folder, "--json")
    assert (found.exit_code, json.loads(found.stdout)["seq"]) == (1, first)


@WITH_AND_WITHOUT_KEY
def test_the_whole_journal_cannot_be_deleted_unnoticed(folder: Path) -> None:
    """Case 16."""
    for path in files(folder):
        path.unlink()
    found = run(folder, "--json")
    assert (found.exit_code, json.loads(found.stdout)["seq"]) == (1, 1)


def test_a_deleted_end_stays_found_when_the_observer_has_written_on(folder: Path) -> None:
    """Case 16: the chain goes on from what the records remember, so the gap stays."""
    files(folder)[-1].unlink()

    async def write_on() -> None:
        directory = DataDir(folder)
        database, journal = Database(directory.records), Journal(Redactor([]))
        await database.open()
        await database.write(lambda c: journal.append(c, "ruling", reason="later"))
        drain = Drain(database, directory, journal)
        drain.start()
        await drain.stop()
        assert drain.broken is None
        await database.close()

    asyncio.run(write_on())
    found = json.loads(run(folder, "--json").stdout)
    assert (found["seq"], found["reason"]) == (9, "is missing: line 13 follows")


def test_a_chain_that_was_forged_anew_is_not_what_the_records_remember(folder: Path) -> None:
    """Case 15: every hash fits, but the last one is another."""
    digest = GENESIS
    for path in files(folder):
        lines = [json.loads(text) for text in path.read_text().splitlines()]
        for line in lines:
            line["prev_hash"], line["reason"] = digest, "forged"
            digest = line["hash"] = line_hash(line)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert verify(folder / "journal").fault is None
    assert json.loads(run(folder, "--json").stdout)["seq"] == LINES


def test_a_line_added_by_somebody_else_is_found(folder: Path) -> None:
    path = files(folder)[-1]
    last = json.loads(path.read_text().splitlines()[-1])
    forged = {**last, "seq": LINES + 1, "prev_hash": last["hash"]}
    forged["hash"] = line_hash(forged)
    with path.open("a") as file:
        file.write(json.dumps(forged) + "\n")
    found = run(folder, "--json")
    assert (found.exit_code, json.loads(found.stdout)["seq"]) == (1, LINES + 1)


def test_without_records_verify_says_so_and_is_exit_2(tmp_path: Path) -> None:
    found = run(tmp_path)
    assert found.exit_code == 2
    assert str(tmp_path / "observer.db") in found.stderr


def test_damaged_records_are_exit_2_with_the_files_name(folder: Path) -> None:
    (folder / "observer.db").write_bytes(b"nothing of the kind " * 50)
    found = run(folder)
    assert found.exit_code == 2
    assert str(folder / "observer.db") in found.stderr
    assert not isinstance(found.exception, sqlite3.Error)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_deleted_line_is_found_at_its_number(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Case 16: lines spread over files in any way that a clock may go."""
    folder = tmp_path_factory.mktemp("journal")
    count = data.draw(st.integers(2, 20))
    gone = data.draw(st.integers(1, count - 1))
    digest = GENESIS
    for seq in range(1, count + 1):
        line = {"seq": seq, "prev_hash": digest, "kind": "ruling"}
        digest = line_hash(line)
        if seq != gone:
            day = data.draw(st.sampled_from("123"))
            with (folder / f"2026-01-0{day}.jsonl").open("a") as file:
                file.write(json.dumps({**line, "hash": digest}) + "\n")
    fault = verify(folder).fault
    assert fault is not None
    assert fault.seq == gone
