"""Tokens in the records: a hash and nothing else, gone at once, and never opening by ending."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from observer.domain.access import Caller, Role
from observer.domain.redaction import Redactor
from observer.domain.token_order import TokenOrder
from observer.errors import RecordsUnavailable, TokenConflict, UnknownToken
from observer.records import tokens as module
from observer.records.database import Database
from observer.records.journal import Journal
from observer.records.spans import Spans
from observer.records.tokens import PREFIX, Tokens

ROOT = TokenOrder(name="root", role=Role.ADMIN)
ANN = TokenOrder(name="ann", role=Role.VIEWER, tenant_id="acme")


class Clock:
    """Tells the time it was set to."""

    now = 1_800_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "observer.db")
    await database.open()
    yield database
    await database.close()


async def tokens_over(database: Database) -> Tokens:
    tokens = Tokens(database, Journal(Redactor([])), Spans(database))
    await tokens.open()
    return tokens


def in_all_files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


@pytest.mark.asyncio
async def test_the_token_stands_in_its_answer_and_in_no_file(
    database: Database, tmp_path: Path
) -> None:
    tokens = await tokens_over(database)
    _, text = await tokens.add(ROOT, by=None)
    tokens.bearer(text)
    await tokens._notes.flush()
    await tokens.revoke("root", by="root")
    assert text.startswith(PREFIX)
    assert len(text) >= 40
    written = in_all_files(tmp_path)
    assert b"root" in written
    for part in (text, text.removeprefix(PREFIX), text[:20], text[-20:]):
        assert part.encode() not in written


@pytest.mark.asyncio
async def test_only_the_very_token_opens_and_a_restart_remembers_it(database: Database) -> None:
    before = await tokens_over(database)
    await before.add(ROOT, by=None)
    added, text = await before.add(ANN, by="root")
    for tokens in (before, await tokens_over(database)):
        assert tokens.bearer(text) == Caller(Role.VIEWER, "acme", "ann")
        for wrong in ("", PREFIX, text[:-1], text + "x", text.swapcase(), added.id, "\udc80é"):
            assert tokens.bearer(wrong) is None


@pytest.mark.asyncio
async def test_expiry_and_revocation_close_and_never_open_for_everybody(
    database: Database, clock: Clock
) -> None:
    tokens = await tokens_over(database)
    assert not tokens.required
    _, ending = await tokens.add(ROOT.model_copy(update={"expires": 60.0}), by=None)
    _, root = await tokens.add(ROOT.model_copy(update={"name": "second"}), by=None)
    clock.now += 60
    assert tokens.bearer(ending) is None
    assert tokens.bearer(root) is not None
    await tokens.revoke("second", by=None)
    assert tokens.bearer(root) is None
    assert tokens.required
    assert (await tokens_over(database)).required


@pytest.mark.asyncio
async def test_a_revocation_counts_before_it_can_be_written_and_is_written_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = await tokens_over(database)
    added, text = await tokens.add(ROOT, by=None)

    async def full(work: Any) -> None:
        raise RecordsUnavailable("the disk is full")

    with monkeypatch.context() as trouble:
        trouble.setattr(database, "write", full)
        with pytest.raises(RecordsUnavailable, match="opens nothing any more"):
            await tokens.revoke(added.id, by=None)
    assert tokens.bearer(text) is None
    await tokens._notes.flush()
    assert (await tokens_over(database)).bearer(text) is None


@pytest.mark.asyncio
async def test_a_token_that_cannot_be_written_does_not_exist(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = await tokens_over(database)

    async def full(work: Any) -> None:
        raise RecordsUnavailable

    with monkeypatch.context() as trouble:
        trouble.setattr(database, "write", full)
        with pytest.raises(RecordsUnavailable):
            await tokens.add(ROOT, by=None)
    assert not tokens.required


@pytest.mark.asyncio
async def test_use_is_noted_to_the_day_with_the_next_flush(database: Database) -> None:
    tokens = await tokens_over(database)
    _, text = await tokens.add(ROOT, by=None)
    for _ in range(3):
        tokens.bearer(text)
    assert len(tokens._notes._waiting) == 1
    await tokens._notes.flush()
    [token] = (await tokens_over(database)).listed()
    assert token.last_used_on is not None


@pytest.mark.asyncio
async def test_each_change_is_journaled_with_who_made_it(database: Database) -> None:
    tokens = await tokens_over(database)
    await tokens.add(ROOT, by=None)
    await tokens.add(ANN, by="root")
    await tokens.revoke("ann", by="root")
    rows = await database.read(lambda c: c.execute("SELECT * FROM journal").fetchall())
    assert {row["kind"] for row in rows} == {"access"}
    assert [row["tenant_id"] for row in rows] == [None, "acme", "acme"]
    assert '"what": "revoked"' in rows[2]["body"]
    assert '"by": "root"' in rows[2]["body"]


@pytest.mark.asyncio
async def test_no_token_is_named_as_another_ones_id(database: Database) -> None:
    tokens = await tokens_over(database)
    root, _ = await tokens.add(ROOT, by=None)
    with pytest.raises(TokenConflict, match="for the id of another"):
        await tokens.add(TokenOrder(name=root.id, role=Role.ADMIN), by=None)
    assert (await tokens.revoke(root.id, by=None)).name == "root"


@pytest.mark.asyncio
async def test_who_came_in_stays_as_long_as_its_token_counts(
    database: Database, clock: Clock
) -> None:
    tokens = await tokens_over(database)
    here = Caller(Role.ADMIN)
    assert tokens.still(here)
    await tokens.add(ROOT, by=None)
    assert not tokens.still(here)
    ann, _ = await tokens.add(ANN.model_copy(update={"expires": 60.0}), by=None)
    assert tokens.still(ann.caller)
    clock.now += 61
    assert not tokens.still(ann.caller)
    again, _ = await tokens.add(ANN, by=None)
    await tokens.revoke("ann", by=None)
    assert not tokens.still(again.caller)


@pytest.mark.asyncio
async def test_names_are_taken_and_unknown_ones_are_refused(database: Database) -> None:
    tokens = await tokens_over(database)
    await tokens.add(ROOT, by=None)
    with pytest.raises(TokenConflict, match="already"):
        await tokens.add(ROOT, by=None)
    with pytest.raises(UnknownToken):
        await tokens.revoke("nobody", by=None)
    await tokens.revoke("root", by=None)
    with pytest.raises(UnknownToken):
        await tokens.revoke("root", by=None)
