"""From tables to JSONL files: each line once and in order, through crashes, cuts and midnight."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.redaction import MASK, Redactor
from observer.domain.span import Span, SpanKind
from observer.errors import RecordsUnavailable
from observer.records import anchor
from observer.records.anchor import verify_journal
from observer.records.chain import GENESIS, line_hash
from observer.records.data_dir import DataDir
from observer.records.database import Connection, Database
from observer.records.drain import Drain
from observer.records.journal import Journal
from observer.records.keyring import WITHOUT_KEY, Keyring
from observer.records.spans import Spans

pytestmark = pytest.mark.asyncio
NOON = 1_750_000_000.0 // 86400 * 86400 + 43200
DAY = 86400.0
KEY = "a key of the journal that is long enough"
WITH_AND_WITHOUT_KEY = pytest.mark.parametrize(
    "records", [(), (KEY,)], ids=["plain", "with a key"], indirect=True
)


class Records:
    """A data directory with a database, and a fresh drain for each `drain()`, as after a start."""

    def __init__(self, folder: Path, keys: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.keyring = Keyring(keys)
        self.data_dir = DataDir(folder)
        for path in (self.data_dir.journal, self.data_dir.spans, self.data_dir.evals.parent):
            path.mkdir(exist_ok=True)
        self.database = Database(self.data_dir.records)
        self.journal = Journal(Redactor(["the-held-secret"]))

    async def decide(self, *what: str) -> None:
        for text in what:
            await self.database.write(
                lambda c, text=text: self.journal.append(c, "ruling", tenant_id="t", reason=text)
            )

    async def measure(self, *timestamps: float) -> None:
        spans = Spans(self.database)
        for number, timestamp in enumerate(timestamps):
            spans.emit(span(str(number), timestamp))
        await spans.flush()

    async def drain(self) -> Drain:
        drain = self.new_drain()
        drain.start()
        await drain.stop()
        return drain

    def new_drain(self) -> Drain:
        return Drain(self.database, self.data_dir, self.journal, self.keyring)

    async def rows(self, table: str) -> list[tuple[Any, ...]]:
        return await self.database.read(
            lambda c: [tuple(row) for row in c.execute(f"SELECT * FROM {table}").fetchall()]
        )

    async def put_back(self, rows: list[tuple[Any, ...]]) -> None:
        """As if the process had died before it forgot these journal rows."""
        first = min(row[0] for row in rows)
        before = next((line["hash"] for line in self.lines() if line["seq"] == first - 1), GENESIS)

        def work(connection: Connection) -> None:
            connection.execute("DELETE FROM journal")
            connection.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'journal'")
            anchor.remember(connection, first - 1, before, self.keyring)
            connection.executemany("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

        await self.database.write(work)

    def files(self, folder: str) -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in sorted((self.folder / folder).glob("*.jsonl"))}

    def lines(self, folder: str = "journal") -> list[dict[str, Any]]:
        return [
            json.loads(line)
            for text in self.files(folder).values()
            for line in text.split(b"\n")[:-1]
        ]

    @staticmethod
    def read(folder: Path) -> dict[str, list[dict[str, Any]]]:
        """What the journal's files hold, without a database."""
        return {
            path.name: [json.loads(line) for line in path.read_text().splitlines()]
            for path in sorted((folder / "journal").glob("*.jsonl"))
        }

    def fault(self) -> tuple[int, str] | None:
        fault = verify_journal(self.data_dir, self.keyring).fault
        return None if fault is None else (fault.seq, fault.reason)

    def reasons(self) -> list[str]:
        return [line["reason"] for line in self.lines()]


def span(name: str, timestamp: float) -> Span:
    return Span(
        trace_id="t",
        span_id=name,
        parent_span_id=None,
        tenant_id="t",
        session_id="s",
        step_index=0,
        timestamp_ms=int(timestamp * 1000),
        span_kind=SpanKind.AGENT_STEP,
        latency_ms=1.0,
        feature="f",
        stage="loading",
        name=name,
        result_status="success",
    )


def broken_link(lines: list[dict[str, Any]], keyring: Keyring = WITHOUT_KEY) -> int | None:
    """The first `seq` whose line is not what it was, or does not follow the one before it."""
    previous, number = GENESIS, 0
    for line in lines:
        whole = line["prev_hash"] == previous and line["hash"] == line_hash(line, keyring)
        if not whole or line["seq"] != number + 1:
            return line["seq"]
        previous, number = line["hash"], line["seq"]
    return None


@pytest_asyncio.fixture
async def records(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Records]:
    made = Records(tmp_path, getattr(request, "param", ()))
    await made.database.open()
    yield made
    await made.database.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(now=NOON)
    monkeypatch.setattr(time, "time", lambda: now.now)
    return now


@pytest.fixture
def fail_fsync(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the disk be full at the n-th append from now."""

    def arm(number: int) -> None:
        left, real = [number], os.fsync

        def fsync(descriptor: int) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)

    return arm


async def test_every_line_reaches_the_file_once_in_order_and_is_then_forgotten(
    records: Records,
) -> None:
    await records.decide(*map(str, range(1100)))
    await records.drain()
    assert records.reasons() == [str(n) for n in range(1100)]
    assert broken_link(records.lines()) is None
    assert await records.rows("journal") == []


async def test_the_chain_goes_on_over_restarts(records: Records) -> None:
    for number in range(5):
        await records.decide(str(number))
        await records.drain()
    assert records.reasons() == ["0", "1", "2", "3", "4"]
    assert broken_link(records.lines()) is None


async def test_a_line_of_a_transaction_that_failed_is_not_in_the_journal(records: Records) -> None:
    def work(connection: Connection) -> None:
        records.journal.append(connection, "ruling", reason="never happened")
        raise ValueError

    with pytest.raises(ValueError):
        await records.database.write(work)
    await records.decide("happened")
    await records.drain()
    assert records.reasons() == ["happened"]


async def test_a_held_secret_never_reaches_the_file(records: Records) -> None:
    """Case 48."""
    await records.decide("it was the-held-secret in the log")
    await records.drain()
    assert b"the-held-secret" not in b"".join(records.files("journal").values())
    assert records.reasons() == [f"it was {MASK} in the log"]


@WITH_AND_WITHOUT_KEY
async def test_a_crash_between_append_and_clean_up_repeats_nothing(records: Records) -> None:
    """Case 1, for the journal."""
    await records.decide("a", "b")
    rows = await records.rows("journal")
    await records.drain()
    before = records.files("journal")
    await records.put_back(rows)
    await records.drain()
    assert records.files("journal") == before
    await records.decide("c")
    await records.drain()
    assert records.reasons() == ["a", "b", "c"]
    assert broken_link(records.lines(), records.keyring) is None
    assert await records.rows("journal") == []


@WITH_AND_WITHOUT_KEY
async def test_a_journal_cut_at_any_byte_of_its_last_line_is_made_whole(records: Records) -> None:
    """Case 14: at every byte; what was cut off is reported in the journal itself."""
    await records.decide("first", "second", 'the last, with "quotes" and \U0001f600')
    rows = await records.rows("journal")
    await records.drain()
    ((name, whole),) = records.files("journal").items()
    path = records.data_dir.journal / name
    last_line = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(last_line, len(whole)):
        path.write_bytes(whole[:cut])
        if cut < len(whole):
            await records.put_back(rows[-1:])
        await records.drain()
        assert path.read_bytes().startswith(whole), f"cut at {cut}"
        reports = records.reasons()[3:]
        torn = cut - last_line
        assert reports == ([f"{path}: cut off a torn last line of {torn} bytes"] if torn else [])
        assert records.fault() is None


NO_LINES = {
    "a number as text": '{"seq": "9", "hash": "x", "prev_hash": "y"}',
    "a truth as number": '{"seq": true, "hash": "x", "prev_hash": "y"}',
    "a number as hash": '{"seq": 9, "hash": 1, "prev_hash": "y"}',
    "a list": '["seq", "hash", "prev_hash"]',
    "a number beyond all": '{"seq": 99999999999999999999, "hash": "x", "prev_hash": "y"}',
}


@pytest.mark.parametrize("name", NO_LINES)
async def test_a_file_that_ends_in_no_line_is_said_until_somebody_moves_it_away(
    records: Records, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("observer.records.drain._RETRY_S", 0.01)
    await records.decide("a")
    await records.drain()
    foreign = records.data_dir.journal / "0000-foreign.jsonl"
    foreign.write_text(NO_LINES[name] + "\n")
    drain = records.new_drain()
    drain.start()
    async with asyncio.timeout(10):
        while drain.broken is None:  # noqa: ASYNC110  it says it nowhere else
            await asyncio.sleep(0.01)
        await records.decide("b")
        foreign.unlink()
        while drain.broken is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await drain.stop()
    assert records.reasons() == ["a", "b"]
    assert records.fault() is None


@WITH_AND_WITHOUT_KEY
async def test_a_journal_cut_down_to_nothing_begins_again_from_its_rows(records: Records) -> None:
    """Case 14."""
    await records.decide("only")
    rows = await records.rows("journal")
    await records.drain()
    ((name, whole),) = records.files("journal").items()
    (records.data_dir.journal / name).write_bytes(whole[:20])
    await records.put_back(rows)
    await records.drain()
    assert records.files("journal")[name].startswith(whole)
    assert records.fault() is None


async def test_a_file_that_goes_on_beyond_the_records_is_not_written_to(records: Records) -> None:
    """The next row would have the same number as a line there, and be lost."""
    await records.decide("a")
    await records.drain()
    (line,) = records.lines()
    forged = {**line, "seq": 2, "prev_hash": line["hash"], "reason": "forged"}
    ((name, whole),) = records.files("journal").items()
    text = json.dumps({**forged, "hash": line_hash(forged)}) + "\n"
    path = records.data_dir.journal / name
    path.write_bytes(whole + text.encode())
    await records.decide("b")

    drain = await records.drain()

    assert "move its file out of the folder" in str(drain.broken)
    path.write_bytes(whole)
    await records.drain()
    assert records.reasons() == ["a", "b"]
    assert records.fault() is None


async def test_a_damaged_last_line_is_said_with_its_file_and_costs_no_row(records: Records) -> None:
    """Case 15, at start."""
    await records.decide("a")
    await records.drain()
    ((name, whole),) = records.files("journal").items()
    path = records.data_dir.journal / name
    path.write_bytes(b"?" + whole[1:])
    await records.decide("b")

    drain = await records.drain()

    assert drain.broken == f"the last line of {path} is damaged; move the file out of the folder"
    path.unlink()
    await records.drain()
    assert records.reasons() == ["b"]
    assert records.fault() == (1, "is missing: line 2 follows")


async def test_at_midnight_the_chain_goes_on_in_the_next_days_file(
    records: Records, clock: SimpleNamespace
) -> None:
    """Case 19."""
    await records.decide("today")
    clock.now = NOON + DAY - 1
    await records.decide("tomorrow morning")
    await records.drain()
    clock.now = NOON + DAY
    await records.decide("tomorrow noon")
    clock.now = NOON + 3 * DAY
    await records.decide("later")
    await records.drain()
    assert [len(text.splitlines()) for text in records.files("journal").values()] == [1, 2, 1]
    assert records.reasons() == ["today", "tomorrow morning", "tomorrow noon", "later"]
    assert broken_link(records.lines()) is None


@pytest.mark.parametrize("full_at", range(1, 7))
async def test_a_full_disk_loses_and_doubles_no_line_even_at_midnight(
    records: Records,
    clock: SimpleNamespace,
    fail_fsync: Callable[[int], None],
    full_at: int,
) -> None:
    """Cases 11 and 19."""
    for day in range(3):
        clock.now = NOON + day * DAY
        await records.decide(f"a{day}", f"b{day}")
    fail_fsync(full_at)
    assert "No space left" in str((await records.drain()).broken)
    await records.drain()
    assert records.reasons() == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert broken_link(records.lines()) is None


async def test_a_drain_recovers_by_itself_when_the_disk_has_room_again(
    records: Records, fail_fsync: Callable[[int], None]
) -> None:
    """Case 11: without waiting for another event."""
    await records.decide("a")
    fail_fsync(1)
    drain = records.new_drain()
    drain.start()
    broken = False
    async with asyncio.timeout(10):
        while not broken or drain.broken is not None:
            broken = broken or drain.broken is not None
            await asyncio.sleep(0.01)
    assert records.reasons() == ["a"]
    await drain.stop()


async def test_a_database_that_is_locked_or_full_does_not_end_the_drain(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cases 11 and 13."""

    async def full(_: Any) -> None:
        raise RecordsUnavailable("the disk is full")

    await records.decide("a")
    with monkeypatch.context() as patch:
        patch.setattr(records.database, "write", full)
        assert "disk is full" in str((await records.drain()).broken)
    await records.decide("b")
    await records.drain()
    assert records.reasons() == ["a", "b"]
    assert broken_link(records.lines()) is None


async def test_spans_are_written_once_over_restarts_and_a_torn_one_is_made_whole(
    records: Records,
) -> None:
    await records.measure(NOON, NOON, NOON)
    await records.drain()
    whole = records.files("spans")
    ((name, text),) = whole.items()
    for cut in (len(text), len(text) - 1, len(text) - 30):
        (records.data_dir.spans / name).write_bytes(text[:cut])
        await records.drain()
        assert records.files("spans") == whole, f"cut at {cut}"


@pytest.mark.parametrize("full_at", range(1, 7))
async def test_spans_that_end_around_midnight_are_all_kept_when_the_disk_is_full_in_between(
    records: Records, fail_fsync: Callable[[int], None], full_at: int
) -> None:
    """Case 19: a span belongs to the day it began on, so days alternate."""
    await records.measure(NOON, NOON + DAY, NOON, NOON + DAY)
    fail_fsync(full_at)
    await records.drain()
    await records.drain()
    assert sorted(line["span_id"] for line in records.lines("spans")) == ["0", "1", "2", "3"]


async def test_a_line_is_forgotten_only_when_its_file_and_that_files_name_are_on_the_disk(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 8: a power cut may take a new file whose directory was not synced."""
    real, synced = os.fsync, []

    def fsync(descriptor: int) -> None:
        real(descriptor)
        with closing(sqlite3.connect(f"file:{records.database.path}?mode=ro", uri=True)) as c:
            waiting = c.execute("SELECT count(*) FROM journal").fetchone()[0]
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink(), waiting))

    await records.decide("a")
    monkeypatch.setattr(os, "fsync", fsync)
    await records.drain()
    (file,) = records.data_dir.journal.iterdir()
    assert synced == [(file, 1), (records.data_dir.journal, 1)]
    assert await records.rows("journal") == []


async def test_files_are_for_their_owner_only(records: Records) -> None:
    await records.decide("a")
    await records.measure(NOON)
    await records.drain()
    files = [*records.data_dir.journal.iterdir(), *records.data_dir.spans.iterdir()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


@pytest.mark.parametrize("change", ["reason", "ts", "tenant_id", "kind", "prev_hash", "seq"])
async def test_a_changed_line_breaks_the_chain_at_its_own_number(
    records: Records, change: str
) -> None:
    """Case 15."""
    await records.decide(*"abcde")
    await records.drain()
    lines = records.lines()
    lines[2][change] = 33 if change == "seq" else "changed"
    assert broken_link(lines) == (33 if change == "seq" else 3)


async def test_a_line_taken_out_swapped_or_added_breaks_the_chain(records: Records) -> None:
    """Case 16."""
    await records.decide(*"abcde")
    await records.drain()
    lines = records.lines()
    assert broken_link(lines) is None
    assert broken_link(lines[1:]) == 2
    assert broken_link(lines[:2] + lines[3:]) == 4
    assert broken_link([lines[0], lines[2], lines[1], *lines[3:]]) == 3
    forged = {**lines[4], "seq": 6, "reason": "forged", "prev_hash": lines[4]["hash"]}
    assert broken_link([*lines, forged]) == 6


@given(
    st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.floats() | st.text())
)
async def test_a_lines_hash_survives_its_way_through_the_file(line: dict[str, Any]) -> None:
    assert line_hash(json.loads(json.dumps(line))) == line_hash(line)


async def test_a_line_is_in_the_file_soon_though_nobody_wakes_the_drain(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("observer.records.drain._SOON_S", 0.01)
    drain = records.new_drain()
    drain.start()
    for count, text in enumerate(("early", "late", "later"), start=1):
        await records.decide(text)
        async with asyncio.timeout(10):
            while len(records.lines()) < count:  # noqa: ASYNC110  files tell nobody
                await asyncio.sleep(0.01)
    await drain.stop()
