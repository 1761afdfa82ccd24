"""The day's budget through the door and on disk: counted on over restarts, held, and let go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from observer.domain.autonomy import Level, Rule
from observer.domain.budget import NANO, Limits, RunBudget
from observer.domain.calls import Call, CallStatus, Run
from observer.domain.dependency_tree import DependencyTree, Metric, Node
from observer.domain.event import Incident, Severity
from observer.domain.hold import EVERYBODY, HoldCause
from observer.domain.mission import OWN_SESSION, OWN_TENANT
from observer.domain.redaction import Redactor
from observer.domain.remedy import Check, Remedy
from observer.domain.span import Span, SpanKind, span_of
from observer.domain.windows import ALWAYS
from observer.errors import RecordsUnavailable
from observer.gateway.budgets import Budgets
from observer.gateway.dispatcher import Dispatcher
from observer.gateway.money import Money, Reservation
from observer.gateway.patience import Patience
from observer.gateway.policy import Policy
from observer.gateway.replies import Reply
from observer.gateway.today import Today
from observer.records import ledger as ledger_module
from observer.records.approvals import Approvals
from observer.records.database import Database
from observer.records.events import Events
from observer.records.holds import Holds
from observer.records.journal import Journal
from observer.records.kill_switch import KillSwitch
from observer.records.ledger import Ledger
from observer.records.spans import Spans, new_id, now_ms
from observer.records.spending import Spending
from tests.day_budgets import amounts, limits, today
from tests.run_health import run_health

pytestmark = pytest.mark.asyncio

NOON, HOUR, DAY = 1_800_014_400.0, 3600.0, 86400.0
OK, REFUSED = CallStatus.SUCCESS, CallStatus.REFUSED
TREE = DependencyTree(
    metrics={"freshness": Metric("freshness", "", "60s", ALWAYS, depends_on=("loading",))},
    nodes={"loading": Node("loading", "process")},
)
CHECK = Check("look", "x < 1", 1.0, 1.0)
RULES = {
    "look": Rule("look", Level.FULL, 1),
    "page": Rule("page", Level.FULL, 1),
    "restart": Rule("restart", Level.FULL, 3),
    "flush": Rule("flush", Level.FULL, 4),
}


class Clock:
    """What time it is, for the budget and for the ledger."""

    def __init__(self) -> None:
        self.now = NOON

    def time(self) -> float:
        return self.now


class Backend:
    """A tool server that counts what reached it; `gone`, it is not there."""

    calls = 0
    gone = False

    def takes_key(self, tool: str) -> bool:
        return True

    async def call(self, tool: str, args: dict[str, Any]) -> Reply:
        if self.gone:
            return Reply(CallStatus.ERROR, None, "no server", reached=False)
        self.calls += 1
        await asyncio.sleep(0)
        return Reply(CallStatus.SUCCESS, {}, "")

    def version(self, _: str) -> str:
        return "1"


def run_of(tenant: str, event: int) -> Run:
    incident = Incident(
        tenant, "s", f"e-{event}", f"{tenant}-{event}", "loading", "", Severity.WARNING, "", "f"
    )
    return Run(incident, "trace", 0, "span")


def at_worst(run: Run, nano: int, model: str) -> Span:
    """What a call of a model is, if nothing comes back of it."""
    return span_of(
        run,
        SpanKind.LLM_CALL,
        name=model,
        span_id=new_id(),
        started_ms=now_ms(),
        latency_ms=0.0,
        status="interrupted",
        model_id=model,
        model_version=model,
        prompt_version_hash="h",
        input_tokens=0,
        output_tokens=0,
        temperature=0.0,
        cost_usd=nano / NANO,
        cost_nano=nano,
    )


class Process:
    """A process that has just started, on the records of those before it."""

    def __init__(self, world: World, of_day: Limits, pauses: bool, per_run: int) -> None:
        self.world = world
        self.holds = Holds(world.database, world.journal)
        self.today: Today = today(
            world.database,
            world.journal,
            self.holds,
            of_day,
            pauses=pauses,
            irreversible=("flush",),
            now=world.clock.time,
        )
        self.money = Money(self.today, Spending(world.database, world.journal, ()))
        self.door = Dispatcher(
            world.backend,  # type: ignore[arg-type]
            world.ledger,
            Approvals(world.database, world.journal),
            Policy(RULES, {}, TREE, world.ledger, Patience(Events(world.database))),
            self.holds,
            run_health(world.database, world.journal),
            Budgets(world.ledger, RunBudget(per_run), self.today, ("flush",)),
            Redactor([]),
            reads_valid_for_s=900.0,
        )

    async def start(self) -> Process:
        await self.holds.open()
        await self.today.look()
        return self

    async def looks(self, tenant: str, number: int) -> list[str]:
        """So many looks, each of an event of its own, one after the other."""
        return [await self.look(tenant) for _ in range(number)]

    async def look(self, tenant: str) -> str:
        run = self.world.another(tenant)
        key = run.incident.event_key
        return (await self.door.read(Call("look"), key=key, run=run)).status

    async def act(self, tool: str, run: Run | None = None) -> str:
        """One step of a remedy."""
        run = run or self.world.another("acme")
        remedy = Remedy("r", "diagnosis", (Call(tool, {"node": "loading"}),), CHECK)
        done = await self.door.remedy(remedy, 0, key=run.incident.event_key, run=run)
        return done.status

    def used(self, whom: str = EVERYBODY, meter: str = "tool_calls") -> float:
        return self.today.shown()["used"].get(whom, {}).get(meter, {"used": 0})["used"]

    def held(self) -> list[str]:
        return [hold.tenant_id for hold in self.holds.listed() if hold.cause is HoldCause.BUDGET]


class World:
    """Records, a clock and a tool server that outlive the processes."""

    def __init__(self, folder: Path) -> None:
        self.database, self.clock, self.backend = Database(folder / "o.db"), Clock(), Backend()
        self.journal = Journal(Redactor([]))
        self.ledger = Ledger(self.database, self.journal, Spans(self.database))
        self._count = 0

    def another(self, tenant: str) -> Run:
        self._count += 1
        return run_of(tenant, self._count)

    async def process(
        self, of_day: Limits | None = None, *, pauses: bool = True, per_run: int = 99
    ) -> Process:
        return await Process(self, of_day or limits(), pauses, per_run).start()

    async def lines(self) -> list[str]:
        """What the journal says of the budget."""
        return await self.database.read(
            lambda c: [
                row["body"]
                for row in c.execute("SELECT body FROM journal WHERE kind = 'budget' ORDER BY seq")
            ]
        )


@pytest_asyncio.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    made = World(tmp_path)
    monkeypatch.setattr(ledger_module, "time", SimpleNamespace(time=made.clock.time))
    await made.database.open()
    yield made
    await made.database.close()


async def test_a_tenants_day_survives_restarts_costs_no_other_and_starts_again_once(
    world: World,
) -> None:
    """Case 23."""
    three = limits(each_tenant=amounts(calls=3))
    first = await world.process(three)
    assert await first.looks("acme", 2) == [OK, OK]
    door = await world.process(three)
    assert await door.looks("acme", 2) == [OK, REFUSED]
    assert await door.looks("globex", 4) == [OK, OK, OK, REFUSED]
    # People are told on any day.
    told = await door.door.notify(Call("page"), key="p", run=run_of("acme", 0))
    assert told.ok

    world.clock.now += DAY
    assert await door.looks("acme", 2) == [OK, OK]
    world.clock.now -= 1.5 * DAY
    assert await door.looks("acme", 2) == [OK, REFUSED]
    world.clock.now += 1.5 * DAY
    assert await door.looks("acme", 1) == [REFUSED]
    assert await door.looks("globex", 1) == [OK]
    assert world.backend.calls == 3 + 3 + 1 + 3 + 1


@pytest.mark.parametrize("back", [HOUR, 13 * HOUR, 40 * DAY])
async def test_a_restart_while_the_clock_is_back_gives_nobody_the_day_again(
    world: World, back: float
) -> None:
    """Cases 21 and 23: what was done at an earlier hour of a later day is of that day."""
    four = limits(amounts(calls=4))
    process = await world.process(four)
    assert await process.looks("acme", 2) == [OK, OK]
    day = process.today.day
    world.clock.now -= back
    assert await process.looks("globex", 1) == [OK]

    restarted = await world.process(four)

    assert restarted.today.day == day
    assert await restarted.looks("acme", 2) == [OK, REFUSED]
    world.clock.now += back
    again = await world.process(four)
    assert await again.looks("globex", 1) == [REFUSED]
    assert len([line for line in await world.lines() if "day begins" in line]) == 1


async def test_records_from_before_there_was_a_day_count_since_midnight(world: World) -> None:
    """An older release left the ledger and no word of a day."""
    before = await world.process()
    world.clock.now -= DAY
    await before.looks("acme", 5)
    world.clock.now += DAY
    await before.looks("acme", 2)
    await world.database.write(lambda c: c.execute("DELETE FROM facts"))

    process = await world.process(limits(amounts(calls=3)))

    assert await process.looks("acme", 2) == [OK, REFUSED]


@pytest.mark.parametrize("tenants", [["acme"], ["acme", "globex", "initech"]])
async def test_eight_at_once_never_go_above_a_cap(world: World, tenants: list[str]) -> None:
    """Case 36: calls and money, of all together."""
    process = await world.process(limits(amounts(calls=20, nano=1000)))

    async def one(number: int) -> tuple[str, int]:
        tenant = tenants[number % len(tenants)]
        status = await process.look(tenant)
        reserved = await process.money.reserve(at_worst(world.another(tenant), 90, "openai:x"))
        if isinstance(reserved, str):
            return status, 0
        await asyncio.sleep(0)
        await process.money.settle(reserved, 70)
        return status, 70

    gate = asyncio.Semaphore(8)

    async def worker(number: int) -> tuple[str, int]:
        async with gate:
            return await one(number)

    done = await asyncio.gather(*(worker(number) for number in range(60)))

    assert world.backend.calls == [status for status, _ in done].count(OK) == 20
    assert 910 < sum(nano for _, nano in done) <= 1000
    assert process.used() == 20
    restarted = await world.process(limits(amounts(calls=20, nano=1000)))
    assert restarted.used() == 20
    assert restarted.used(meter="cost_usd") == process.used(meter="cost_usd")


async def test_a_crash_during_a_model_call_leaves_its_worst_case_counted(world: World) -> None:
    of_day = limits(amounts(nano=100))
    crashed = await world.process(of_day)
    assert isinstance(
        await crashed.money.reserve(at_worst(run_of("acme", 1), 60, "m")), Reservation
    )

    process = await world.process(of_day)

    assert isinstance(await process.money.reserve(at_worst(run_of("acme", 2), 41, "m")), str)
    fitting = await process.money.reserve(at_worst(run_of("acme", 3), 40, "m"))
    assert isinstance(fitting, Reservation)
    await process.money.settle(fitting, 1)
    assert isinstance(
        await process.money.reserve(at_worst(run_of("acme", 4), 39, "m")), Reservation
    )


async def test_money_of_a_call_over_midnight_is_of_the_day_it_was_reserved_on(
    world: World,
) -> None:
    process = await world.process(limits(amounts(nano=100)))
    late = await process.money.reserve(at_worst(run_of("acme", 1), 100, "m"))
    assert isinstance(late, Reservation)
    world.clock.now += DAY
    assert isinstance(
        await process.money.reserve(at_worst(run_of("acme", 2), 100, "m")), Reservation
    )
    await process.money.settle(late, 100)
    assert process.used(meter="cost_usd") == 100 / 1e9


async def test_a_call_that_is_refused_in_the_end_gives_its_place_back(world: World) -> None:
    """The kill switch is asked after the budget, with the intent; one that was tried counts."""
    process = await world.process(limits(amounts(calls=2, irreversible=1)))
    switch = KillSwitch(world.database, world.journal)
    await switch.turn(None, on=True)
    assert [await process.act("flush") for _ in range(3)] == [REFUSED] * 3
    assert (process.used(), process.used(meter="irreversible")) == (0, 0)
    await switch.turn(None, on=False)
    world.backend.gone = True
    assert await process.act("flush") == CallStatus.ERROR
    assert (process.used(), process.used(meter="irreversible")) == (1, 1)
    restarted = await world.process(limits(amounts(calls=2, irreversible=1)))
    assert (restarted.used(), restarted.used(meter="irreversible")) == (1, 1)


async def test_irreversible_actions_have_a_budget_of_their_own(world: World) -> None:
    process = await world.process(limits(amounts(irreversible=1)))
    assert [await process.act(tool) for tool in ("flush", "restart", "flush")] == [OK, OK, REFUSED]
    assert process.held() == [EVERYBODY]


@pytest.mark.parametrize(
    ("calls", "per_run"), [(1, 99), (99, 1)], ids=["the day's limit", "the event's limit"]
)
async def test_a_remedy_that_has_begun_is_done_whole_and_undone_whole_and_counted(
    world: World, calls: int, per_run: int
) -> None:
    """The limit is reached with its first step: stopped and not started helps nobody."""
    of_day = limits(amounts(calls=calls))
    process = await world.process(of_day, per_run=per_run)
    run = run_of("acme", 1)
    stop, start = (Call(tool, {"node": "loading"}) for tool in ("restart", "flush"))
    plan = Remedy("r", "diagnosis", (stop, start), CHECK, rollback=(start, stop))
    done = [
        await process.door.remedy(plan, step, key=f"{back}-{step}", run=run, rollback=back)
        for back in (False, True)
        for step in (0, 1)
    ]
    assert [step.status for step in done] == [OK] * 4
    assert world.backend.calls == 4
    assert (process.used(), process.used(meter="irreversible")) == (4, 2)
    assert (await process.door.read(Call("look"), key="proof", run=run)).status is REFUSED
    another = await process.door.remedy(plan, 0, key="another", run=run)
    assert another.status is REFUSED, "only what has begun goes on"
    restarted = await world.process(of_day)
    assert (restarted.used(), restarted.used(meter="irreversible")) == (4, 2)


async def test_an_old_look_that_is_made_again_is_a_new_call(world: World) -> None:
    process = await world.process(limits(amounts(calls=1)))
    run = run_of("acme", 1)
    assert (await process.door.read(Call("look"), key="k", run=run)).ok
    resumed = Run(run.incident, "t-2", 0, "span", resumed=True)
    await world.database.write(lambda c: c.execute("UPDATE state_transitions SET timestamp = 1"))
    again = await process.door.read(Call("look"), key="k", run=resumed)
    assert again.status is REFUSED
    assert world.backend.calls == 1


@pytest.mark.parametrize(
    ("of_day", "whom"),
    [(limits(amounts(calls=1)), EVERYBODY), (limits(each_tenant=amounts(calls=1)), "acme")],
    ids=["all", "a tenant"],
)
async def test_who_has_spent_the_day_is_held_until_the_next_one(
    world: World, of_day: Limits, whom: str
) -> None:
    """Case 84: a restart changes nothing, the next day lifts this hold and no other."""
    process = await world.process(of_day)
    await process.holds.put("acme", HoldCause.PERSON, "paused by a person")
    assert await process.looks("acme", 1) == [OK]
    assert process.held() == []
    assert await process.looks("acme", 3) == [REFUSED] * 3
    assert process.held() == [whom]
    assert len([line for line in await world.lines() if '"spent"' in line]) == 1

    process = await world.process(of_day)
    assert process.held() == [whom]
    world.clock.now -= HOUR
    await process.today.look()
    assert process.held() == [whom]

    world.clock.now += 13 * HOUR
    await process.today.look()
    assert process.held() == []
    assert [hold.cause for hold in process.holds.listed()] == [HoldCause.PERSON]
    assert await process.looks("acme", 2) == [OK, REFUSED]


async def test_a_raised_limit_lifts_the_hold_at_the_next_start_where_there_is_room(
    world: World,
) -> None:
    """Case 84: what was refused must fit, or all would begin for nothing."""
    process = await world.process(limits(amounts(nano=100)))
    for event, nano in ((1, 60), (2, 50)):
        answer = await process.money.reserve(at_worst(run_of("acme", event), nano, "m"))
        if isinstance(answer, Reservation):
            await process.money.settle(answer, nano)
    assert process.held() == [EVERYBODY]

    for limit, held in ((100, [EVERYBODY]), (109, [EVERYBODY]), (110, [])):
        assert (await world.process(limits(amounts(nano=limit)))).held() == held


async def test_without_a_pause_each_call_is_refused_and_nobody_held(world: World) -> None:
    one = limits(amounts(calls=1))
    process = await world.process(one, pauses=False)
    assert await process.looks("acme", 3) == [OK, REFUSED, REFUSED]
    assert process.held() == []
    assert len([line for line in await world.lines() if '"spent"' in line]) == 1
    # The other word in the configuration, and there and back.
    paused = await world.process(one)
    assert await paused.looks("acme", 1) == [REFUSED]
    assert paused.held() == [EVERYBODY]
    assert (await world.process(one, pauses=False)).held() == []


async def test_an_action_whose_intent_cannot_be_written_keeps_one_place_however_often_it_is_tried(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await world.process(limits(amounts(calls=2)))
    run = run_of("acme", 1)

    async def cannot(*_: Any, **__: Any) -> None:
        raise RecordsUnavailable("the disk is full")

    with monkeypatch.context() as trouble:
        trouble.setattr(world.ledger, "intend", cannot)
        for _ in range(3):
            with pytest.raises(RecordsUnavailable):
                await process.act("restart", run=run)
    assert await process.act("restart", run=run) == OK
    assert (process.used(), world.backend.calls) == (1, 1)


async def test_where_a_day_cannot_be_written_down_nothing_is_done_on_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await world.process()
    world.clock.now += DAY

    async def cannot(*_: Any) -> None:
        raise RecordsUnavailable("the disk is full")

    with monkeypatch.context() as trouble:
        trouble.setattr(Spending, "begin", cannot)
        with pytest.raises(RecordsUnavailable):
            await process.look("acme")
    assert world.backend.calls == 0
    assert await process.looks("acme", 1) == [OK]


async def test_money_that_may_come_back_or_never_fits_refuses_a_call_and_holds_nobody(
    world: World,
) -> None:
    process = await world.process(limits(amounts(nano=100)))
    under_way = await process.money.reserve(at_worst(run_of("acme", 1), 80, "m"))
    assert isinstance(under_way, Reservation)
    for nano in (40, 101):
        assert isinstance(await process.money.reserve(at_worst(run_of("acme", 2), nano, "m")), str)
    assert process.held() == []
    await process.money.settle(under_way, 80)
    assert isinstance(await process.money.reserve(at_worst(run_of("acme", 3), 40, "m")), str)
    assert process.held() == [EVERYBODY]


@pytest.mark.parametrize("end", ["cut off", "not settled on disk"])
async def test_a_call_whose_end_is_not_written_down_brings_no_money_back(
    world: World, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or nobody were held until midnight for money that never comes."""

    async def cannot(*_: Any) -> None:
        raise RecordsUnavailable("the disk is full")

    process = await world.process(limits(amounts(nano=100)))
    reserved = await process.money.reserve(at_worst(run_of("acme", 1), 80, "m"))
    assert isinstance(reserved, Reservation)
    if end == "not settled on disk":
        monkeypatch.setattr(Spending, "settle", cannot)
        with pytest.raises(RecordsUnavailable):
            await process.money.settle(reserved, 70)
    process.money.close(reserved)

    assert isinstance(await process.money.reserve(at_worst(run_of("acme", 2), 40, "m")), str)

    assert process.held() == [EVERYBODY]
    assert process.used(meter="cost_usd") == {"cut off": 80, "not settled on disk": 70}[end] / 1e9
    restarted = await world.process(limits(amounts(nano=100)))
    assert restarted.used(meter="cost_usd") == 80 / 1e9


async def test_a_settled_call_is_closed_without_a_trace(world: World) -> None:
    process = await world.process(limits(amounts(nano=100)))
    reserved = await process.money.reserve(at_worst(run_of("acme", 1), 80, "m"))
    assert isinstance(reserved, Reservation)
    await process.money.settle(reserved, 5)

    process.money.close(reserved)

    assert process.used(meter="cost_usd") == 5 / 1e9


@pytest.mark.parametrize("whose", ["all", "its own"])
async def test_a_verdict_that_there_is_no_money_for_holds_nobody_and_spends_no_day(
    world: World, whose: str
) -> None:
    """Case 85: the mission's judge stops nothing, by its costs neither."""
    of_day = limits(amounts(nano=100)) if whose == "all" else limits(each_tenant=amounts(nano=100))
    process = await world.process(of_day)
    tenant = "acme" if whose == "all" else OWN_TENANT
    used = await process.money.reserve(at_worst(run_of(tenant, 1), 80, "m"))
    assert isinstance(used, Reservation)
    await process.money.settle(used, 80)
    verdict = run_of(OWN_TENANT, 2)
    verdict = replace(verdict, incident=replace(verdict.incident, session_id=OWN_SESSION))

    refused = await process.money.reserve(at_worst(verdict, 30, "m"))

    assert isinstance(refused, str)
    assert "this call may cost" in refused
    assert process.holds.listed() == []
    assert not any('"spent"' in line for line in await world.lines())
    # Who is refused for an event still waits, and a verdict that fits is paid for.
    assert isinstance(await process.money.reserve(at_worst(verdict, 20, "m")), Reservation)
    assert isinstance(await process.money.reserve(at_worst(run_of(tenant, 3), 30, "m")), str)
    assert process.held() == [EVERYBODY if whose == "all" else OWN_TENANT]
