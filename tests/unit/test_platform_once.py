"""An action's effect happens once by its key, wherever its server dies (case 1)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from mcp_servers.actions import VISIBLE
from mcp_servers.actions.contract import Action, CannotTell, Failed, Refused, World
from mcp_servers.actions.once import Once
from mcp_servers.backends.action_records import ActionRecords, Record, Replaced
from mcp_servers.masking import Mask
from mcp_servers.sections import Sections

pytestmark = pytest.mark.asyncio

MOMENTS = ["before the intent", "after the intent", "after the effect", "after the result"]


class Killed(BaseException):
    """The server dies here."""


class Counted(BaseModel):
    count: int


@dataclass
class Outside:
    """What the actions change, and the moment at which the server dies."""

    count: int = 0
    done_by: list[str] = field(default_factory=list)
    dies: str = ""
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def at(self, moment: str) -> None:
        if self.dies == moment:
            self.dies = ""
            raise Killed(moment)


OUTSIDE = Outside()


@dataclass(frozen=True)
class Count(Action[Counted]):
    """Adds one, and can be seen by who did."""

    tool = "count"
    limit_s = 2.0
    answer = Counted

    world: World
    by: int = 1

    @property
    def target(self) -> str:
        return "counter"

    @property
    def args(self) -> dict[str, Any]:
        return {"by": self.by}

    async def before(self) -> dict[str, Any]:
        if self.by > 9:
            raise Refused("too much")
        OUTSIDE.at("before the intent")
        return {"count": OUTSIDE.count}

    async def carry_out(self, record: Record) -> Counted:
        OUTSIDE.at("after the intent")
        if self.by < 0:
            raise Failed("it can't be less")
        if self.by == 0:
            OUTSIDE.begun.set()
            await asyncio.sleep(60)
        OUTSIDE.count += self.by
        OUTSIDE.done_by.append(record.key)
        OUTSIDE.at("after the effect")
        return Counted(count=OUTSIDE.count)

    async def seen(self, record: Record) -> Counted | None:
        return Counted(count=OUTSIDE.count) if record.key in OUTSIDE.done_by else None


class Unseen(Count):
    """The same, and nobody can see it afterwards."""

    tool = "unseen"

    async def seen(self, record: Record) -> Counted | None:
        return await Action.seen(self, record)  # type: ignore[return-value]


class DyingRecords(ActionRecords):
    async def keep(self, record: Record) -> None:
        await super().keep(record)
        if record.ended:
            OUTSIDE.at("after the result")


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    OUTSIDE.__init__()
    monkeypatch.setitem(VISIBLE, "count", Count)
    return OUTSIDE


def server(folder: Path) -> tuple[Once, World]:
    """A server as it is after each start."""
    sections = Sections()
    world = World(sections, Mask(sections), Replaced(folder))
    return Once(world, DyingRecords(folder), lambda: datetime.now(UTC)), world


@pytest.mark.parametrize("moment", MOMENTS)
async def test_killed_at_any_moment_the_effect_happens_once(
    tmp_path: Path, outside: Outside, moment: str
) -> None:
    once, world = server(tmp_path)
    outside.dies = moment
    with pytest.raises(Killed, match=moment):
        await once.act(Count(world), key="k")

    once, world = server(tmp_path)
    found = await once.find("k")
    assert found.found is (moment in MOMENTS[2:]) is (outside.count == 1)

    assert (await once.act(Count(world), key="k")).count == outside.count == 1
    assert (await once.find("k")).result == {"count": 1}


@pytest.mark.parametrize("moment", MOMENTS)
async def test_what_cannot_be_seen_is_never_repeated_blindly(
    tmp_path: Path, outside: Outside, moment: str
) -> None:
    """Once the intent is written down, only a result that is written down tells."""
    once, world = server(tmp_path)
    outside.dies = moment
    with pytest.raises(Killed):
        await once.act(Unseen(world), key="k")
    count = outside.count

    once, world = server(tmp_path)
    if moment in MOMENTS[1:3]:
        with pytest.raises(CannotTell):
            await once.find("k")
        with pytest.raises(CannotTell):
            await once.act(Unseen(world), key="k")
        assert outside.count == count
    else:
        assert (await once.act(Unseen(world), key="k")).count == 1


async def test_a_refusal_leaves_the_key_free_and_a_failure_spends_it(tmp_path: Path) -> None:
    once, world = server(tmp_path)
    with pytest.raises(Refused, match="too much"):
        await once.act(Count(world, by=10), key="a")
    assert (await once.find("a")).found is False
    assert (await once.act(Count(world), key="a")).count == 1

    for _ in range(2):
        with pytest.raises(Failed, match="can't be less"):
            await once.act(Count(world, by=-1), key="b")
    assert (await once.find("b")).result == {"error": "(error) it can't be less"}


async def test_one_key_is_for_one_action(tmp_path: Path, outside: Outside) -> None:
    once, world = server(tmp_path)
    await once.act(Count(world), key="k", reason="one")
    assert (await once.act(Count(world), key="k", reason="in other words")).count == 1
    for other in (Count(world, by=2), Unseen(world)):
        with pytest.raises(Refused, match="needs a key of its own"):
            await once.act(other, key="k")
    assert outside.count == 1


async def test_two_actions_on_one_target_take_turns(
    tmp_path: Path, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is under way in one server is waited for by another, also by its look-up."""
    monkeypatch.setattr(Count, "limit_s", 0.4)
    (first, world), (second, _) = server(tmp_path), server(tmp_path)
    slow = asyncio.create_task(first.act(Count(world, by=0), key="slow"))
    await outside.begun.wait()

    assert (await second.find("slow")).found is False
    assert slow.done()
    with pytest.raises(CannotTell, match=r"did not end within 0.4 s; whether it was done"):
        await slow


async def test_what_is_never_reached_was_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Count, "limit_s", 0.2)
    once, world = server(tmp_path)
    async with ActionRecords(tmp_path).alone("counter"):
        with pytest.raises(Refused, match="it was not begun"):
            await once.act(Count(world), key="k")
