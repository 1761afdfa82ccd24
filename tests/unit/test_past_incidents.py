"""Long-term memory: the right past incidents, of the right tenant and node, and not too many."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observer.domain.event import Incident, Severity
from observer.domain.past_incident import PastIncident, most_similar, query_of, words_of
from observer.domain.redaction import Redactor
from observer.records import past_incidents
from observer.records.database import Database
from observer.records.journal import Journal
from observer.records.memory import Memory

POOL = "Redis connection pool exhausted: 290 clients"
LAG = "Consumer lag of entity topic rises"
HEALED = [("restart_process", True)]


def incident(number: int, message: str = POOL, node: str = "consumer", tenant: str = "a"):
    return Incident(
        tenant_id=tenant,
        session_id=f"s-{number}",
        event_id=f"e-{number}",
        event_key=f"{number:032x}",
        stage=node,
        message=message,
        severity=Severity.WARNING,
        severity_reason="",
        feature="",
    )


class Shelf:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.memory = Memory(database, Journal(Redactor(["hunter-secret"])), [])

    async def keep(self, number: int, *args: str, **more: Any) -> None:
        said: dict[str, Any] = {"outcome": "resolved", "attempts": HEALED, **more}
        await self.memory.keep(incident(number, *args), **said)

    async def similar(self, message: str = POOL, *, node: str = "consumer", tenant: str = "a"):
        found = await self.memory.similar(tenant, node, message, exclude_session="s-now")
        return [past.session_id for past in found]

    async def search(self, text: str | None, **more: Any) -> list[str]:
        wanted: dict[str, Any] = {"tenant_id": None, "node": None, "limit": 50, **more}
        return [past.session_id for past in await self.memory.past.search(text, **wanted)]


@pytest_asyncio.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    database = Database(tmp_path / "observer.db")
    await database.open()
    yield Shelf(database)
    await database.close()


def past(**changes: Any) -> PastIncident:
    plain = PastIncident("a", "s", "consumer", "WARNING", POOL, "", "", "", "resolved", 0.0)
    return replace(plain, **changes)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"cause": "pool\nexhausted", "remedy": "restart_process", "held": 3, "tried": 4},
            "1970-01-01 consumer: pool exhausted; restart_process held 3 of 4",
        ),
        ({}, f"1970-01-01 consumer: {POOL}; healed by itself"),
        ({"outcome": "escalated"}, f"1970-01-01 consumer: {POOL}; a person took over"),
        (
            {"outcome": "escalated", "remedy": "restart", "tried": 2, "cause": "x" * 500},
            f"1970-01-01 consumer: {'x' * 120}; a person took over; restart held 0 of 2",
        ),
    ],
    ids=["healed", "by itself", "left to a person", "in vain"],
)
def test_a_line_says_what_it_was_what_was_done_and_how_often_that_held(
    changes: dict[str, Any], line: str
) -> None:
    assert past(**changes).line() == line


def test_what_is_most_alike_comes_first_and_what_reads_the_same_is_told_once() -> None:
    lately = [past(session_id=str(i), ended_at=float(i)) for i in range(5)]
    near = past(message="connection pool slow", session_id="near", ended_at=9.0)
    far = past(message="connection refused by peer of database", session_id="far", ended_at=9.0)
    found = most_similar(POOL, [far, near, *lately])
    assert [one.session_id for one in found] == ["4", "near"]


@given(st.text(max_size=300))
def test_a_query_holds_quoted_words_only_whatever_the_text(text: str) -> None:
    words = words_of(text)
    assert len(words) <= 20
    query = query_of(words)
    assert query.count('"') == 2 * len(words)
    assert not any(set(word) & set('"*^:(){}-+ \x00') for word in words)


@pytest.mark.asyncio
async def test_only_the_tenants_own_node_and_other_sessions_are_looked_at(shelf: Shelf) -> None:
    """Guarantee 12."""
    await shelf.keep(1)
    await shelf.keep(2, POOL, "producer")
    await shelf.keep(3, POOL, "consumer", "b")
    await shelf.memory.keep(
        replace(incident(4), session_id="s-now"), outcome="resolved", attempts=HEALED
    )
    assert await shelf.similar() == ["s-1"]
    assert await shelf.similar(tenant="c") == []
    assert await shelf.similar(LAG) == []
    assert await shelf.search("pool", tenant_id="b") == ["s-3"]
    assert await shelf.search("pool", node="producer") == ["s-2"]
    assert set(await shelf.search("POOL exhausted")) == {"s-1", "s-2", "s-3", "s-now"}
    assert await shelf.search(None, tenant_id="a", limit=2) == ["s-now", "s-2"]


@pytest.mark.asyncio
async def test_cause_walk_and_remedy_are_found_too(shelf: Shelf) -> None:
    await shelf.keep(1, cause="a leaking client", walk=["Found: redis_instance"])
    for words in ("leaking", "redis_instance", "restart_process", "resolved", "consumer"):
        assert await shelf.search(words) == ["s-1"], words
    assert await shelf.search("nothing of the kind") == []
    assert await shelf.search("17 ; ' \" * ()") == []


@pytest.mark.asyncio
async def test_how_often_a_remedy_held_is_counted_on_its_node_over_the_latest_times(
    shelf: Shelf,
) -> None:
    for number in range(20):
        held = number % 2 == 0
        await shelf.keep(number, attempts=[("clear_queue", False), ("restart_process", held)])
    await shelf.keep(99, POOL, "producer", attempts=[("restart_process", False)])
    found = await shelf.memory.similar("a", "consumer", POOL, "s-now")
    assert {(one.remedy, one.held, one.tried) for one in found} == {("restart_process", 4, 9)}


@pytest.mark.asyncio
async def test_an_event_is_kept_once_and_an_info_not_at_all(shelf: Shelf) -> None:
    for _ in range(3):
        await shelf.keep(1)
    await shelf.memory.keep(replace(incident(2), severity=Severity.INFO), outcome="x")
    assert await shelf.search(None) == ["s-1"]
    (found,) = await shelf.memory.similar("a", "consumer", POOL, "s-now")
    assert found.tried == 1


@pytest.mark.asyncio
async def test_the_latest_of_a_node_and_of_all_stay_and_the_words_of_the_others_go(
    shelf: Shelf,
) -> None:
    limits = {"MOST_OF_A_NODE": 3, "MOST_OF_ALL": 6}
    with mock.patch.multiple(past_incidents, **limits):
        for number in range(5):
            await shelf.keep(number)
        assert await shelf.search(None) == ["s-4", "s-3", "s-2"]
        for number in range(5, 12):
            await shelf.keep(number, POOL, f"node-{number}")
    assert await shelf.search(None) == [f"s-{n}" for n in range(11, 5, -1)]
    assert len(await shelf.search("pool")) == 6
    counts = await shelf.database.read(
        lambda c: [
            c.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("past_attempts", "past_incident_words_docsize")
        ]
    )
    assert counts == [6, 6]
    await shelf.database.write(
        lambda c: c.execute(
            "INSERT INTO past_incident_words (past_incident_words) VALUES ('integrity-check')"
        )
    )


@pytest.mark.asyncio
async def test_no_secret_is_kept(shelf: Shelf) -> None:
    await shelf.keep(1, "login with hunter-secret failed", cause="hunter-secret expired")
    (found,) = await shelf.memory.past.search("login", tenant_id=None, node=None, limit=5)
    assert found.message == "login with [redacted:held] failed"
    assert await shelf.search("hunter") == []


@pytest.mark.asyncio
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(text=st.text(max_size=200))
async def test_any_text_can_be_looked_for(shelf: Shelf, text: str) -> None:
    await shelf.similar(text)
    await shelf.search(text)
