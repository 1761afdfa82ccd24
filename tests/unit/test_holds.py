"""For whom nothing is begun: what may go on under a hold, and that it is kept."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from observer.domain.hold import EVERYBODY, Hold, HoldCause, may_begin, why_frozen
from observer.domain.redaction import Redactor
from observer.records.database import Database
from observer.records.holds import Holds
from observer.records.journal import Journal

TENANTS = st.sampled_from([None, "acme", "globex"])
CAUSES = st.sampled_from(list(HoldCause))
STEPS = st.lists(
    st.tuples(st.just("put"), TENANTS, st.lists(CAUSES, min_size=1, max_size=1))
    | st.tuples(st.just("lift"), TENANTS, st.lists(CAUSES, max_size=4))
    | st.tuples(st.just("restart"), st.none(), st.just([])),
    max_size=20,
)


def holds_over(database: Database) -> Holds:
    return Holds(database, Journal(Redactor([])))


def hold(cause: HoldCause) -> Hold:
    return Hold("acme", cause, f"because of {cause}", 1.0)


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "observer.db")
    await database.open()
    yield database
    await database.close()


@pytest.mark.parametrize("cause", list(HoldCause))
def test_under_any_hold_only_a_critical_begins_and_under_a_persons_nothing(
    cause: HoldCause,
) -> None:
    assert may_begin([], critical=False)
    assert not may_begin([hold(cause)], critical=False)
    assert may_begin([hold(cause)], critical=True) is (cause is not HoldCause.PERSON)
    assert not may_begin([hold(cause), hold(HoldCause.PERSON)], critical=True)


def test_what_freezes_forbids_every_call_and_a_spent_budget_leaves_that_to_the_budget() -> None:
    assert why_frozen([hold(HoldCause.BUDGET), hold(HoldCause.PERSON)]) is None
    assert why_frozen([hold(HoldCause.BUDGET), hold(HoldCause.HEALTH)]) == "because of health"
    assert why_frozen([hold(HoldCause.NO_PROGRESS)]) == "because of no_progress"


@settings(max_examples=30, deadline=None)
@given(STEPS)
def test_a_hold_is_kept_until_its_own_cause_is_lifted_whatever_else_happens(
    steps: list[tuple[str, str | None, list[HoldCause]]],
) -> None:
    async def scenario(folder: Path) -> None:
        database = Database(folder / "observer.db")
        await database.open()
        holds, expected = holds_over(database), set[tuple[str, HoldCause]]()
        for what, tenant, causes in steps:
            whom = tenant or EVERYBODY
            match what:
                case "put":
                    fresh = (whom, causes[0]) not in expected
                    assert await holds.put(tenant, causes[0], "why") is fresh
                    expected.add((whom, causes[0]))
                case "lift":
                    lifted = {(h.tenant_id, h.cause) for h in await holds.lift(tenant, *causes)}
                    assert lifted == expected & {(whom, cause) for cause in causes}
                    expected -= lifted
                case _:
                    holds = holds_over(database)
                    await holds.open()
            assert {(h.tenant_id, h.cause) for h in holds.listed()} == expected
            for name in ("acme", "globex"):
                held = {(h.tenant_id, h.cause) for h in holds.of(name)}
                assert held == {(who, why) for who, why in expected if who in (name, EVERYBODY)}
        await database.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scenario(Path(folder)))


@pytest.mark.asyncio
async def test_each_change_is_in_the_journal_and_told_once(database: Database) -> None:
    holds = holds_over(database)
    told: list[int] = []

    async def listen() -> None:
        told.append(len(holds.listed()))

    holds.listeners.append(listen)
    for _ in range(2):
        await holds.put("acme", HoldCause.NO_PROGRESS, "twice in 5 minutes")
    await holds.lift("acme", *HoldCause)
    await holds.lift("acme", *HoldCause)

    rows = await database.read(
        lambda c: c.execute("SELECT kind, tenant_id, body FROM journal ORDER BY seq").fetchall()
    )
    lines = [(row["kind"], row["tenant_id"], json.loads(row["body"])["held"]) for row in rows]
    assert lines == [("hold", "acme", True), ("hold", "acme", False)]
    assert told == [1, 0]


@pytest.mark.asyncio
async def test_what_cannot_be_written_down_holds_and_is_written_when_it_can_be(
    database: Database,
) -> None:
    holds = holds_over(database)
    await database.write(lambda c: c.execute("ALTER TABLE holds RENAME TO away"))
    with pytest.raises(Exception, match="no such table"):
        await holds.put("acme", HoldCause.BUDGET, "spent")
    assert [h.cause for h in holds.of("acme")] == [HoldCause.BUDGET]

    await database.write(lambda c: c.execute("ALTER TABLE away RENAME TO holds"))
    assert await holds.put("acme", HoldCause.BUDGET, "spent")
    later = holds_over(database)
    await later.open()
    assert [h.cause for h in later.of("acme")] == [HoldCause.BUDGET]
