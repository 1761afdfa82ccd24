"""Who follows a session gets its lines, and holds up nobody."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from observer.errors import TooManyFollowers
from observer.records.followers import (
    MOST_FOLLOWERS,
    MOST_LINES_BEHIND,
    MOST_OF_A_TENANT,
    Followers,
    Line,
)
from observer.web.sessions import Followed, stream


def line(seq: int, tenant: str = "acme", session: str = "s") -> Line:
    return {"seq": seq, "tenant_id": tenant, "session_id": session}


def test_a_follower_gets_the_lines_of_its_tenants_session_in_their_order() -> None:
    followers = Followers()
    followers.tell([line(1)])
    with followers.follow("acme", "s") as follower:
        followers.tell([line(2), line(3, tenant="globex"), line(4, session="other"), line(5)])
        assert [one["seq"] for one in follower.take()] == [2, 5]
        assert follower.take() == []
    followers.tell([line(6)])
    assert follower.take() == []


def test_who_takes_nothing_is_lost_at_a_bound_and_the_others_go_on() -> None:
    followers = Followers()
    with followers.follow("acme", "s") as slow, followers.follow("acme", "s") as quick:
        for seq in range(MOST_LINES_BEHIND + 50):
            followers.tell([line(seq)])
            quick.take()
        assert (slow.lost, quick.lost) == (True, False)
        assert [one["seq"] for one in slow.take()] == list(range(MOST_LINES_BEHIND))
        followers.tell([line(9999)])
        assert slow.take() == []


def test_only_so_many_may_follow_and_who_left_makes_room() -> None:
    followers = Followers()
    with ExitStack() as all_of_them:
        for number in range(MOST_FOLLOWERS):
            all_of_them.enter_context(followers.follow(f"tenant-{number % 2}", f"s-{number}"))
        with pytest.raises(TooManyFollowers), followers.follow("acme", "one more"):
            pass
    with followers.follow("acme", "s"):
        pass


def test_one_tenant_cannot_take_all_places() -> None:
    followers = Followers()
    with ExitStack() as all_of_them:
        for number in range(MOST_OF_A_TENANT):
            all_of_them.enter_context(followers.follow("acme", f"s-{number}"))
        with pytest.raises(TooManyFollowers), followers.follow("acme", "one more"):
            pass
        with followers.follow("globex", "s"):
            pass


@pytest.mark.asyncio
async def test_who_waits_is_woken_by_a_line_and_by_the_end() -> None:
    followers = Followers()
    with followers.follow("acme", "s") as follower:
        waiting = asyncio.create_task(follower.wait(60))
        await asyncio.sleep(0)
        followers.tell([line(1)])
        await asyncio.wait_for(waiting, 10)
        assert len(follower.take()) == 1
        waiting = asyncio.create_task(follower.wait(60))
        await asyncio.sleep(0)
        followers.close()
        await asyncio.wait_for(waiting, 10)
        assert follower.over
    with followers.follow("acme", "s") as late:
        assert late.over


class SlowFile:
    """A session that has ended, and whose last line reaches the file when it is asked for."""

    def __init__(self, followers: Followers) -> None:
        self._followers = followers
        self.unwritten = True

    async def standing(self, tenant_id: str, session_id: str) -> dict[str, Any]:
        ended = {"status": "resolved", "ended": True}
        return {**ended, "unwritten": self.unwritten}

    def wake(self) -> None:
        self.unwritten = False
        self._followers.tell([line(7)])


@pytest.mark.asyncio
async def test_the_end_waits_for_the_last_line() -> None:
    followers = Followers()
    file = SlowFile(followers)
    observer: Any = SimpleNamespace(services=SimpleNamespace(session_views=file, drain=file))
    with followers.follow("acme", "s") as follower:
        told = [one async for one in stream(observer, Followed("acme", "s", follower))]
    assert [one.event for one in told] == ["session", "journal", "end"]


@pytest.mark.asyncio
async def test_who_fell_behind_is_told_so_and_let_go() -> None:
    followers = Followers()
    views = SimpleNamespace(standing=still_running)
    observer: Any = SimpleNamespace(services=SimpleNamespace(session_views=views))
    with followers.follow("acme", "s") as follower:
        for seq in range(MOST_LINES_BEHIND + 1):
            followers.tell([line(seq)])
        told = [one async for one in stream(observer, Followed("acme", "s", follower))]
    assert [one.event for one in told][-2:] == ["session", "lost"]


@pytest.mark.asyncio
async def test_who_lost_the_token_gets_no_line_more() -> None:
    followers = Followers()
    views = SimpleNamespace(standing=still_running)
    observer: Any = SimpleNamespace(services=SimpleNamespace(session_views=views))
    turns = iter([True, False])
    with followers.follow("acme", "s") as follower:
        followed = stream(observer, Followed("acme", "s", follower, lambda: next(turns)))
        assert (await anext(followed)).event == "session"
        followers.tell([line(1)])
        assert [one.event async for one in followed] == ["gone"]


async def still_running(tenant_id: str, session_id: str) -> dict[str, Any]:
    return {"status": "running", "ended": False, "unwritten": False}
