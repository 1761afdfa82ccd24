"""OBSERVER_JOURNAL_KEY: whoever writes the files, but has not the key, cannot forge the chain."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from observer.cli.app import app
from observer.domain.redaction import MASK, Redactor
from observer.errors import ConfigurationError
from observer.records import anchor
from observer.records.chain import GENESIS, line_hash
from observer.records.drain import Drain
from observer.records.keyring import WITHOUT_KEY, Keyring
from observer.settings import load_configuration
from tests.observer_process import ROOT
from tests.unit.test_journal import Records

FIRST = "the first key of this journal"
SECOND = "the second key of this journal"
VARIABLE = "OBSERVER_JOURNAL_KEY"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty data directory."""
    return tmp_path


def live(folder: Path, *reasons: str, keys: tuple[str, ...] = ()) -> Drain:
    """One life of an observer: it decides so much, with these keys."""

    async def life() -> Drain:
        records = Records(folder, keys)
        await records.database.open()
        await records.decide(*reasons)
        drain = await records.drain()
        await records.database.close()
        return drain

    return asyncio.run(life())


def found(folder: Path, monkeypatch: pytest.MonkeyPatch, *keys: str) -> tuple[int, Any]:
    """What `verify` says with these keys: its exit code, and the line and reason, or the error."""
    monkeypatch.setenv(VARIABLE, ",".join(keys))
    result = CliRunner().invoke(app, ["journal", "verify", "--json", "--data-dir", str(folder)])
    assert not any(key in result.output for key in keys)
    if result.exit_code == 2:
        return 2, result.stderr
    said = json.loads(result.stdout)
    return result.exit_code, (said.get("seq"), said.get("reason"))


def pinned(folder: Path, keyed_from: int) -> tuple[int, dict[str, Any]]:
    """What `verify --keyed-from` says with the keys that are set."""
    asked = ["journal", "verify", "--keyed-from", str(keyed_from)]
    result = CliRunner().invoke(app, [*asked, "--json", "--data-dir", str(folder)])
    return result.exit_code, json.loads(result.stdout)


def lines(folder: Path) -> list[dict[str, Any]]:
    return Records.read(folder).popitem()[1]


def write(folder: Path, forged: list[dict[str, Any]]) -> None:
    (path,) = (folder / "journal").glob("*.jsonl")
    path.write_text("".join(json.dumps(line) + "\n" for line in forged))


def remember(folder: Path, seq: int, digest: str, keyring: Keyring = WITHOUT_KEY) -> None:
    """What somebody writes who may write observer.db."""
    with closing(sqlite3.connect(folder / "observer.db")) as connection:
        anchor.remember(connection, seq, digest, keyring)
        connection.commit()


def forge(
    folder: Path, at: int, keyring: Keyring = WITHOUT_KEY, end: Keyring | None = None
) -> None:
    """Change line `at`, and write it and all after it anew with the forger's keys."""
    kept, digest = lines(folder), GENESIS
    for line in kept:
        if line["seq"] >= at:
            del line["hash"]
            line.pop("key_id", None)
            line |= {"prev_hash": digest, "reason": "forged"}
            line |= {} if keyring.current is None else {"key_id": keyring.current}
            line["hash"] = line_hash(line, keyring)
        digest = line["hash"]
    write(folder, kept)
    if end is not None:
        remember(folder, kept[-1]["seq"], digest, end)


def test_lines_from_before_the_key_stay_verifiable_and_new_ones_name_theirs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(folder, "a", "b")
    live(folder, "c", "d", keys=(FIRST,))
    live(folder, "e", keys=(SECOND, FIRST))
    first, second = Keyring([FIRST]).current, Keyring([SECOND]).current
    assert [line.get("key_id") for line in lines(folder)] == [None, None, first, first, second]
    assert found(folder, monkeypatch, SECOND, FIRST) == (0, (None, None))
    plain = CliRunner().invoke(app, ["journal", "verify", "--data-dir", str(folder)])
    assert "5 lines" in plain.stdout
    assert "3 of them with a key (from line 3 on)" in plain.stdout
    assert [pinned(folder, number)[0] for number in (1, 2, 3, 5, 6)] == [1, 1, 0, 0, 1]
    assert pinned(folder, 3) == (0, {"whole": True, "lines": 5, "keyed_from": 3})


@pytest.mark.parametrize(
    ("given", "said"),
    [((), f"{VARIABLE} is not set"), (("quite another key it is",), "holds only others")],
    ids=["missing", "another"],
)
def test_without_the_key_neither_verify_nor_the_observer_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...], said: str
) -> None:
    live(folder, "a", keys=(FIRST,))
    code, error = found(folder, monkeypatch, *given)
    assert (code, said in error, str(Keyring([FIRST]).current) in error) == (2, True, True)
    with closing(sqlite3.connect(folder / "observer.db")) as connection:
        connection.row_factory = sqlite3.Row
        with pytest.raises(ConfigurationError, match=said):
            anchor.refuse_unknown_key(connection, Keyring(given))


def test_a_key_that_the_observer_has_not_used_yet_is_said_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor can somebody pass a journal without key off as the one with it."""
    live(folder, "a", keys=(FIRST,))
    forge(folder, 1, end=WITHOUT_KEY)
    code, error = found(folder, monkeypatch, FIRST)
    assert (code, "not yet chained with the key" in error) == (2, True)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_line_without_key_after_one_with_it_is_a_fault(
    folder: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    live(folder, "a", "b", "c", "d", keys=(FIRST,))
    forge(folder, at + 1)
    assert found(folder, monkeypatch, FIRST) == (
        1,
        (at + 1, "is chained with no key or an older one, unlike the line before it"),
    )


def test_who_had_the_older_key_cannot_go_on_with_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(folder, "a", "b", keys=(FIRST,))
    live(folder, "c", "d", keys=(SECOND, FIRST))
    old = Keyring([FIRST])
    forge(folder, 4, old)
    code, (seq, reason) = found(folder, monkeypatch, SECOND, FIRST)
    assert (code, seq, "an older one" in reason) == (1, 4, True)
    forge(folder, 1, old, end=old)
    code, error = found(folder, monkeypatch, SECOND, FIRST)
    assert (code, "not yet chained with the key" in error) == (2, True)


def test_what_came_before_the_key_is_pinned_by_the_first_line_with_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(folder, "a", "b")
    live(folder, "c", "d", keys=(FIRST,))
    with_key = lines(folder)[2:]
    forge(folder, 1)
    write(folder, lines(folder)[:2] + with_key)
    assert found(folder, monkeypatch, FIRST) == (1, (3, "does not follow the line before it"))


def test_an_end_that_was_cut_off_stays_found_when_the_records_are_forged_to_fit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 16, by somebody who writes observer.db, too."""
    live(folder, "a", "b", "c", keys=(FIRST,))
    kept = lines(folder)[:2]
    write(folder, kept)

    class Forger(Keyring):
        current = property(lambda self: Keyring([FIRST]).current)

        def digest(self, text: bytes, key_id: str | None) -> str:
            return super().digest(text, None)

    remember(folder, 2, kept[-1]["hash"], Forger())
    code, (_, reason) = found(folder, monkeypatch, FIRST)
    assert (code, "was not written with its key" in reason) == (1, True)
    drain = live(folder, "later", keys=(FIRST,))
    assert "was not written with its key" in str(drain.broken)
    assert lines(folder) == kept

    remember(folder, 2, kept[-1]["hash"])
    drain = live(folder, keys=(FIRST,))
    assert "changed its end" in str(drain.broken)
    assert lines(folder) == kept


def test_a_journal_written_anew_without_key_before_a_start_is_found_by_the_pinned_number(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By somebody who writes files and observer.db: the next start puts the key's seal to it."""
    live(folder, "a", "b", keys=(FIRST,))
    assert found(folder, monkeypatch, FIRST) == (0, (None, None))
    assert pinned(folder, 1) == (0, {"whole": True, "lines": 2, "keyed_from": 1})
    forge(folder, 1)
    with closing(sqlite3.connect(folder / "observer.db")) as connection:
        connection.execute("DELETE FROM facts WHERE name = 'journal anchor'")
        connection.commit()
    live(folder, "c", keys=(FIRST,))

    assert found(folder, monkeypatch, FIRST) == (0, (None, None)), "the files alone cannot tell"
    code, said = pinned(folder, 1)

    assert (code, said["seq"]) == (1, 1)
    assert said["reason"] == "has no key, and all from line 1 on have one"
    assert pinned(folder, 2)[0] == 1


def test_a_crash_before_the_clean_up_and_a_new_key_at_the_next_start_repeat_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 1: the line in the file was chained with the key of then."""

    async def cut() -> None:
        records = Records(folder, (FIRST,))
        await records.database.open()
        await records.decide("a", "b")
        rows = await records.rows("journal")
        await records.drain()
        await records.put_back(rows)
        await records.database.close()

    asyncio.run(cut())
    assert live(folder, "c", keys=(SECOND, FIRST)).broken is None
    assert [line["reason"] for line in lines(folder)] == ["a", "b", "c"]
    assert found(folder, monkeypatch, SECOND, FIRST) == (0, (None, None))


def test_the_key_is_a_secret_of_the_observer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{SECOND}, {FIRST}")
    configuration = load_configuration(ROOT / "config")
    assert configuration.journal_keys == (SECOND, FIRST)
    redactor = Redactor(list(configuration.secrets))
    assert redactor.text(f"<{FIRST}> <{SECOND}>") == f"<{MASK}> <{MASK}>"


def test_a_key_too_short_to_be_one_is_refused_without_telling_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, f"{FIRST},hunter2")
    with pytest.raises(ConfigurationError, match=f"{VARIABLE}: 1 of its keys") as refused:
        load_configuration(ROOT / "config")
    assert "hunter2" not in str(refused.value)
    command = ["journal", "verify", "--data-dir", str(tmp_path)]
    assert CliRunner().invoke(app, command).exit_code == 2
