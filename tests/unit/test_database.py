"""observer.db: one durable writer; what is not ours, or newer than us, is refused untouched."""

# ruff: noqa: ASYNC240  files of a test are small and local

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from observer.errors import DataDirUnusable, RecordsUnavailable
from observer.records.anchor import verify_journal
from observer.records.data_dir import DataDir
from observer.records.database import Connection, Database
from observer.records.export import Wanted, What, rows_of
from observer.records.migrations import MIGRATIONS
from observer.records.spans import Spans
from observer.records.versions import refuse_foreign_files

pytestmark = pytest.mark.asyncio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "observer.db"


async def opened(path: Path) -> Database:
    database = Database(path)
    await database.open()
    return database


def version(connection: Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]


def schema(connection: Connection) -> list[tuple[str, ...]]:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name")
    return [tuple(row) for row in rows]


def put(name: str, value: str = "x"):
    return lambda c: c.execute("INSERT INTO facts VALUES (?, ?)", (name, value))


def names(connection: Connection) -> list[str]:
    return [row["name"] for row in connection.execute("SELECT name FROM facts ORDER BY name")]


async def test_opening_again_changes_neither_the_version_nor_the_tables(path: Path) -> None:
    """Case 10."""
    seen = []
    for number in range(3):
        database = await opened(path)
        await database.write(put(f"run {number}"))
        seen.append((await database.read(version), await database.read(schema)))
        await database.close()
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0] == len(MIGRATIONS)
    database = await opened(path)
    assert await database.read(names) == ["run 0", "run 1", "run 2"]
    await database.close()


async def test_a_database_of_a_newer_release_is_refused_and_left_as_it_is(path: Path) -> None:
    """Case 10."""
    database = await opened(path)
    await database.write(put("precious"))
    await database.close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DataDirUnusable, match="written by a newer release"):
        await Database(path).open()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        b"SQLite format 4\x00" + b"\x00" * 4080,
        b"\x00" * 4096,
        b"-- a dump, not a database\n" * 200,
        b"not a database at all",
    ],
    ids=["other header", "zeros", "text", "short text"],
)
async def test_a_file_that_is_no_database_is_refused_by_name_and_never_overwritten(
    path: Path, content: bytes
) -> None:
    """Case 17."""
    path.write_bytes(content)
    with pytest.raises(DataDirUnusable) as refusal:
        await Database(path).open()
    assert str(path) in str(refusal.value)
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == ["observer.db"]


async def test_a_damaged_header_of_our_own_database_is_refused_and_left_as_it_is(
    path: Path,
) -> None:
    """Case 17."""
    database = await opened(path)
    await database.write(put("precious"))
    await database.close()
    whole = path.read_bytes()
    damaged = b"\xff" * 16 + whole[16:]
    path.write_bytes(damaged)
    with pytest.raises(DataDirUnusable):
        await Database(path).open()
    assert path.read_bytes() == damaged
    path.write_bytes(whole)
    database = await opened(path)
    assert await database.read(names) == ["precious"]
    await database.close()


async def test_a_place_that_cannot_be_written_to_is_refused_by_name(tmp_path: Path) -> None:
    """Case 18: under a regular file, because root may write to any directory."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataDirUnusable, match=r"file/observer\.db"):
        await Database(tmp_path / "file" / "observer.db").open()


async def test_a_commit_is_durable_and_the_file_is_for_its_owner_only(path: Path) -> None:
    database = await opened(path)
    modes = await database.write(
        lambda c: [
            c.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    )
    await database.close()
    assert modes[:3] == ["wal", 2, 1]
    assert 4000 < modes[3] <= 5000
    assert path.stat().st_mode & 0o777 == 0o600


async def test_work_that_fails_leaves_nothing_and_the_next_work_succeeds(path: Path) -> None:
    database = await opened(path)

    def half(connection: Connection) -> None:
        put("half")(connection)
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        await database.write(half)
    await database.write(put("whole"))
    assert await database.read(names) == ["whole"]
    await database.close()


async def test_a_reader_cannot_write(path: Path) -> None:
    database = await opened(path)
    with pytest.raises(RecordsUnavailable, match="read only"):
        await database.read(put("sneaky"))
    await database.close()


async def test_a_reader_sees_what_is_committed_and_nothing_else(path: Path) -> None:
    database = await opened(path)
    await database.write(put("a"))
    loop = asyncio.get_running_loop()
    seen: list[list[str]] = []

    def slow(connection: Connection) -> None:
        put("b")(connection)
        seen.append(asyncio.run_coroutine_threadsafe(database.read(names), loop).result(5))

    await database.write(slow)
    assert seen == [["a"]]
    assert await database.read(names) == ["a", "b"]
    await database.close()


async def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    """What is special in an address of SQLite is not in a path."""
    data_dir = DataDir(tmp_path / "50%25 #1 ?mode=rw")
    data_dir.path.mkdir()
    database = await opened(data_dir.records)
    await database.write(put("a"))
    assert await database.read(names) == ["a"]
    await database.close()
    refuse_foreign_files(data_dir.path)
    assert verify_journal(data_dir).fault is None
    assert list(rows_of(data_dir, What.SPANS, Wanted())) == []
    assert [entry.name for entry in tmp_path.iterdir()] == [data_dir.path.name]


async def test_a_database_of_another_program_is_refused_and_left_as_it_is(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(DataDirUnusable, match="another program"):
        DataDir(path.parent).lock()
    assert path.read_bytes() == before


async def test_writes_at_the_same_time_are_all_kept(path: Path) -> None:
    database = await opened(path)
    await asyncio.gather(*(database.write(put(f"{n:03}")) for n in range(200)))
    assert await database.read(names) == [f"{n:03}" for n in range(200)]
    await database.close()


async def test_spans_of_a_transaction_that_failed_are_written_with_the_next(path: Path) -> None:
    """Case 11: a full disk costs no span."""
    database = await opened(path)
    spans = Spans(database)
    spans.later(put("first"))
    spans.later(put("second"))

    def half(connection: Connection) -> None:
        spans.flush_into(connection)
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        await database.write(half)
    spans.later(put("third"))
    await spans.flush()
    await spans.flush()
    assert await database.read(names) == ["first", "second", "third"]
    await database.close()


async def test_writes_behind_a_foreign_lock_wait_together_not_one_after_the_other(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 13: each is refused within the busy timeout, with the file's name; then it goes on."""
    monkeypatch.setattr("observer.records.database.PATIENCE_S", 0.5)
    database = await opened(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    loop = asyncio.get_running_loop()
    begin = loop.time()
    refused = await asyncio.gather(
        *(database.write(put(str(n))) for n in range(20)), return_exceptions=True
    )
    took = loop.time() - begin
    assert {type(answer) for answer in refused} == {RecordsUnavailable}
    assert {str(a) for a in refused} == {f"{path} is locked by another process; end what holds it"}
    assert 0.4 < took < 2.5
    with pytest.raises(RecordsUnavailable):
        await database.write(put("at once"))
    holder.execute("ROLLBACK")
    holder.close()
    async with asyncio.timeout(10):
        while database.availability.trouble is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await database.write(put("again"))
    assert await database.read(names) == ["again"]
    await database.close()
