"""Caps, node by node, with real records: what may have happened counts, whatever the clock does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from observer.domain.autonomy import Bounds, Cap, Rule
from observer.domain.calls import Call, CallStatus, Observation, Purpose, Run
from observer.domain.dependency_tree import DependencyTree, Metric, Node
from observer.domain.event import Incident, Severity
from observer.domain.hold import HoldCause
from observer.domain.redaction import Redactor
from observer.domain.remedy import Check, Level, Remedy, Ruling, RulingKind
from observer.domain.windows import ALWAYS
from observer.gateway.dispatcher import Dispatcher
from observer.gateway.patience import Patience
from observer.gateway.policy import Policy
from observer.gateway.replies import Reply
from observer.records import ledger as ledger_module
from observer.records import remedy_counts
from observer.records.approvals import Approvals
from observer.records.database import Database
from observer.records.events import Events
from observer.records.holds import Holds
from observer.records.journal import Journal
from observer.records.kill_switch import KillSwitch
from observer.records.ledger import Ledger
from observer.records.spans import Spans
from tests.day_budgets import roomy_budgets
from tests.run_health import run_health

pytestmark = pytest.mark.asyncio

HOUR = 3600.0
TREE = DependencyTree(
    metrics={"freshness": Metric("freshness", "", "60s", ALWAYS, depends_on=("writer", "reader"))},
    nodes={
        "writer": Node("writer", "process", depends_on=("redis",)),
        "reader": Node("reader", "process", depends_on=("redis",)),
        "redis": Node("redis", "infrastructure"),
    },
)
TWICE = Cap(2, timedelta(hours=1))
CHECK = Check("look", "x < 1", 1, 1)
NOT_FOUND = Reply(CallStatus.SUCCESS, {"found": False}, "")


class Backend:
    """A tool server that answers as it was told to, and counts."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.status = CallStatus.SUCCESS

    def version(self, _: str) -> str:
        return "1"

    def takes_key(self, _: str) -> bool:
        return True

    async def look_up(self, tool: str, key: str) -> Reply | None:
        return None

    async def call(self, tool: str, args: Any) -> Reply:
        self.calls.append(tool)
        return Reply(self.status, None, "as told")


class World:
    """The real door on real records."""

    def __init__(self, folder: Path) -> None:
        self.now = 1_000_000.0
        self.backend = Backend()
        self.database = Database(folder / "observer.db")
        self.journal = Journal(Redactor([]))
        self.approvals = Approvals(self.database, self.journal)
        self.ledger = Ledger(self.database, self.journal, Spans(self.database))
        self.holds = Holds(self.database, self.journal)
        self.at_most: Cap | None = TWICE
        self.caps: dict[int, Cap] = {}
        self.count = 0

    @property
    def door(self) -> Dispatcher:
        rules = {
            "restart": Rule("restart", Level.FULL, 3, at_most=self.at_most),
            "rollout": Rule("rollout", Level.FULL, 3),
            "flush": Rule("flush", Level.APPROVE, 2),
        }
        return Dispatcher(
            self.backend,  # type: ignore[arg-type]
            self.ledger,
            self.approvals,
            Policy(rules, self.caps, TREE, self.ledger, Patience(Events(self.database))),
            self.holds,
            run_health(self.database, self.journal),
            roomy_budgets(self.database, self.journal, self.ledger, self.holds),
            Redactor([]),
            reads_valid_for_s=900.0,
        )

    def run(self, node: str = "redis", tenant: str = "acme") -> Run:
        self.count += 1
        name = f"e-{self.count}"
        incident = Incident(tenant, name, name, name, node, "", Severity.WARNING, "", "f")
        return Run(incident, "trace", 0, "span")

    async def act(self, *nodes: str, tenant: str = "acme", tool: str = "restart") -> list[str]:
        """Sessions of their own, each with one action; how they ended."""
        ended: list[str] = []
        for node in nodes:
            run = self.run(node, tenant)
            done = await self.door.remedy(remedy(tool, node), 0, key=run.incident.event_id, run=run)
            ended.append("refused" if done.status is CallStatus.REFUSED else "done")
        return ended

    async def ruling(self, *steps: tuple[str, str], node: str = "redis") -> Ruling:
        calls = tuple(Call(tool, {"node": at}) for tool, at in steps)
        plan = Remedy("r", "diagnosis", calls, CHECK)
        return await self.door.rule_on(plan, self.run(node))


def remedy(tool: str, node: str) -> Remedy:
    return Remedy("r", "diagnosis", (Call(tool, {"node": node}),), CHECK)


@pytest_asyncio.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.database.open()
    clock = SimpleNamespace(time=lambda: made.now)
    monkeypatch.setattr(ledger_module, "time", clock)
    monkeypatch.setattr(remedy_counts, "time", clock)
    yield made
    await made.database.close()


async def test_a_node_is_acted_upon_so_often_by_itself_and_then_a_person_is_asked(
    world: World,
) -> None:
    """Case 32: at most so many remedies on a node in a window, whichever session wants them."""
    assert await world.act("redis", "redis", "redis") == ["done", "done", "refused"]
    asked = await world.ruling(("restart", "redis"))
    assert asked.kind is RulingKind.ASK
    assert asked.reason == "restart on redis: 2 in the last 1:00:00, without asking 2"
    assert await world.act("writer", "writer") == ["done", "done"], "another node has its own"
    assert await world.act("redis", tenant="globex") == ["done"], "another tenant has its own"
    world.now += HOUR + 1
    assert (await world.ruling(("restart", "redis"))).kind is RulingKind.ALLOW
    assert world.backend.calls == ["restart"] * 5


@pytest.mark.parametrize("status", [CallStatus.ERROR, CallStatus.UNKNOWN])
async def test_what_failed_or_may_have_happened_counts_and_what_was_refused_does_not(
    world: World, status: CallStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("observer.gateway.effects._RETRY_S", 0.0)
    world.backend.status = status
    assert await world.act("redis", "redis") == ["done", "done"]
    world.backend.status = CallStatus.SUCCESS
    assert await world.act("redis", "redis", "redis") == ["refused"] * 3
    world.now += HOUR + 1
    assert await world.act("redis") == ["done"], "refusals made the window no longer"


async def test_a_cap_of_a_blast_radius_holds_for_all_nodes_and_tools_of_it_together(
    world: World,
) -> None:
    world.at_most, world.caps = None, {3: TWICE}
    assert await world.act("redis") == ["done"]
    assert await world.act("writer", tool="rollout") == ["done"]
    assert await world.act("reader") == ["refused"]
    asked = await world.ruling(("rollout", "reader"))
    assert asked.reason == "actions of blast radius 3: 2 in the last 1:00:00, without asking 2"
    flush = await world.ruling(("flush", "redis"))
    assert "autonomy.yaml has flush as 'approve'" in flush.reason, "of another class"


async def test_the_steps_of_one_remedy_count_one_after_the_other(world: World) -> None:
    """Asked before the first step, not stuck before the last."""
    twice = [("restart", "redis")] * 2
    assert (await world.ruling(*twice)).kind is RulingKind.ALLOW
    assert (await world.ruling(*twice, ("restart", "writer"))).kind is RulingKind.ALLOW
    assert (await world.ruling(*twice, ("restart", "redis"))).kind is RulingKind.ASK
    await world.act("redis")
    assert (await world.ruling(*twice)).kind is RulingKind.ASK


async def test_of_sessions_that_act_at_once_no_more_than_the_cap_get_through(world: World) -> None:
    """Checked with the intent, in one transaction: nobody acts between the look and the act."""
    doors = [world.door for _ in range(6)]
    runs = [world.run() for _ in doors]
    done = await asyncio.gather(
        *(
            door.remedy(remedy("restart", "redis"), 0, key=run.incident.event_id, run=run)
            for door, run in zip(doors, runs, strict=True)
        )
    )
    assert sorted(o.status for o in done) == [CallStatus.REFUSED] * 4 + [CallStatus.SUCCESS] * 2
    assert len(world.backend.calls) == 2
    refused = next(o for o in done if o.status is CallStatus.REFUSED)
    assert refused.summary == "restart on redis: 2 in the last 1:00:00, without asking 2"


async def _asked(world: World, run: Run, plan: Remedy) -> Remedy:
    request = {"action_requests": [{"name": c.tool, "args": c.args} for c in plan.calls]}
    await world.approvals.ask(
        run.incident.event_id,
        run.incident,
        fingerprint=plan.fingerprint,
        request=request,
        impact=[],
        deadline_s=HOUR,
    )
    return replace(plan, approval_id=run.incident.event_id)


async def test_a_persons_word_goes_beyond_a_cap_and_counts(world: World) -> None:
    await world.act("redis", "redis")
    run = world.run()
    plan = await _asked(world, run, remedy("restart", "redis"))
    await world.approvals.answer(str(plan.approval_id), [{"type": "approve"}])
    assert (await world.door.remedy(plan, 0, key="k", run=run)).ok
    world.now += HOUR - 1
    assert (await world.ruling(("restart", "redis"))).kind is RulingKind.ASK


async def test_what_had_begun_goes_on_though_others_filled_the_cap_since(world: World) -> None:
    """A bare intent was counted when it was written: it is looked up and finished."""
    run, call = world.run(), Call("restart", {"node": "redis"})
    _, bounds = await world.door._policy.on_step(call, remedy("restart", "redis"), run)
    await world.ledger.intend(call, key="cut", purpose=Purpose.REMEDY, run=run, bounds=bounds)
    assert await world.act("redis", "redis") == ["done", "refused"], "the intent counts"
    found = Reply(CallStatus.SUCCESS, {"found": True, "result": {"restarted": True}}, "")

    async def look_up(tool: str, key: str) -> Reply:
        return found

    world.backend.look_up = look_up  # type: ignore[method-assign]
    again: Observation = await world.door.remedy(
        remedy("restart", "redis"), 0, key="cut", run=replace(run, resumed=True)
    )
    assert again.ok
    assert len(world.backend.calls) == 1


async def test_a_call_does_not_count_against_its_own_second_try(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("observer.gateway.effects._RETRY_S", 0.0)
    world.at_most = Cap(1, timedelta(hours=1))
    world.backend.status = CallStatus.TIMEOUT

    async def look_up(tool: str, key: str) -> Reply:
        world.backend.status = CallStatus.SUCCESS
        return NOT_FOUND

    world.backend.look_up = look_up  # type: ignore[method-assign]
    assert await world.act("redis", "redis") == ["done", "refused"]
    assert len(world.backend.calls) == 2


async def test_a_clock_that_jumps_opens_no_burst(world: World) -> None:
    """Cases 21 and 22: back, what was done still counts; a day on, a new window has its cap."""
    assert await world.act("redis", "redis") == ["done", "done"]
    world.now -= 12 * HOUR
    assert await world.act(*["redis"] * 3) == ["refused"] * 3
    world.now += 36 * HOUR
    assert await world.act(*["redis"] * 9) == ["done"] * 2 + ["refused"] * 7
    world.now -= 24 * HOUR
    assert await world.act(*["redis"] * 3) == ["refused"] * 3
    assert len(world.backend.calls) == 4


@pytest.mark.parametrize("stopped_by", ["freeze", "anomaly"])
async def test_a_remedy_that_has_begun_is_done_whole_and_undone_though_the_run_must_stop(
    world: World, stopped_by: str
) -> None:
    """Stopped and not started helps nobody; nothing else begins."""
    stop, start = Call("rollout", {"node": "redis"}), Call("restart", {"node": "redis"})
    plan = Remedy("r", "diagnosis", (stop, start), CHECK, rollback=(stop,))
    run, door = world.run(), world.door
    assert (await door.remedy(plan, 0, key="0", run=run)).ok
    if stopped_by == "freeze":
        await world.holds.put("acme", HoldCause.HEALTH, "frozen")
    else:
        for _ in range(3):
            await door._run_health.note_answer(run, "")
    assert (await door.remedy(plan, 1, key="1", run=run)).ok
    assert (await door.remedy(plan, 0, key="undo", run=run, rollback=True)).ok
    assert (await door.remedy(plan, 0, key="new", run=run)).status is CallStatus.REFUSED
    assert world.backend.calls == ["rollout", "restart", "rollout"]


async def test_a_kill_switch_stops_a_remedy_that_has_begun(world: World) -> None:
    call = Call("restart", {"node": "redis"})
    plan = Remedy("r", "diagnosis", (call, call), CHECK, rollback=(call,))
    run, door = world.run(), world.door
    assert (await door.remedy(plan, 0, key="0", run=run)).ok
    await KillSwitch(world.database, world.journal).turn(None, on=True)
    for step, rollback in ((1, False), (0, True)):
        done = await door.remedy(plan, step, key=f"{rollback}", run=run, rollback=rollback)
        assert done.status is CallStatus.REFUSED
    assert world.backend.calls == ["restart"]


async def test_what_a_crash_cut_before_its_effect_is_not_done_under_a_freeze(world: World) -> None:
    """A bare intent that the backend knows nothing of is no more than a wish."""
    run, plan = world.run(), remedy("restart", "redis")
    await world.ledger.intend(plan.actions[0], key="cut", purpose=Purpose.REMEDY, run=run)
    await world.holds.put("acme", HoldCause.HEALTH, "frozen meanwhile")

    async def look_up(tool: str, key: str) -> Reply:
        return NOT_FOUND

    world.backend.look_up = look_up  # type: ignore[method-assign]
    done = await world.door.remedy(plan, 0, key="cut", run=replace(run, resumed=True))
    assert done.status is CallStatus.REFUSED
    assert "frozen meanwhile" in done.summary
    assert world.backend.calls == []


@pytest.mark.parametrize("between", ["freeze", "kill switch", "cap"])
@pytest.mark.parametrize("sent", [True, False], ids=["timed out", "no server"])
async def test_no_second_try_where_one_is_refused_meanwhile_and_what_was_sent_counts(
    world: World, between: str, sent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a try that timed out was done cannot be told: it stays counted, a person decides."""
    run, plan = world.run(), remedy("restart", "redis")

    async def meanwhile() -> None:
        match between:
            case "freeze":
                await world.holds.put("acme", HoldCause.HEALTH, "frozen meanwhile")
            case "kill switch":
                await KillSwitch(world.database, world.journal).turn(None, on=True)
            case _:
                world.backend.status = CallStatus.SUCCESS
                call = Call("restart", {"node": "redis"})
                for _ in range(2):
                    other = world.run()
                    key = other.incident.event_id
                    bounds = Bounds("redis")
                    purpose = Purpose.REMEDY
                    await world.ledger.intend(
                        call, key=key, purpose=purpose, run=other, bounds=bounds
                    )

    async def call(tool: str, args: Any) -> Reply:
        world.backend.calls.append(tool)
        await meanwhile()
        status = CallStatus.TIMEOUT if sent else CallStatus.ERROR
        return Reply(status, None, "no answer", reached=sent)

    async def look_up(tool: str, key: str) -> Reply:
        return NOT_FOUND

    monkeypatch.setattr("observer.gateway.effects._RETRY_S", 0.0)
    monkeypatch.setattr(world.backend, "call", call)
    monkeypatch.setattr(world.backend, "look_up", look_up)
    door = world.door
    done = await door.remedy(plan, 0, key="k", run=run)
    assert world.backend.calls == ["restart"]
    assert done.status is (CallStatus.UNKNOWN if sent else CallStatus.REFUSED)
    why = {"freeze": "frozen meanwhile", "kill switch": "kill switch", "cap": "without asking 2"}
    assert why[between] in done.summary
    assert await world.ledger.calls_used(run.incident.event_key) == int(sent)
    assert door._budgets._per_run._used[run.incident.event_key] == int(sent)
