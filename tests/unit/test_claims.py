"""Whose turn it is to change a node: one session on a lineage at a time, in order of arrival."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.dependency_tree import DependencyTree, Node
from observer.gateway.claims import Claims

# Two branches that meet at the database: a restart of one says nothing about the other.
BELOW = {
    "indexing": ("loading",),
    "loading": ("database",),
    "reports": ("database",),
    "database": (),
    "gateway": (),
}
TREE = DependencyTree(
    nodes={name: Node(name, "stage", depends_on=below) for name, below in BELOW.items()}
)


@pytest.mark.asyncio
async def test_a_free_node_is_taken_at_once_and_again_by_its_holder() -> None:
    claims = Claims(TREE)
    assert not await claims.take("a", "loading")
    assert not await claims.take("a", "loading")
    assert not await claims.take("b", "gateway")


@pytest.mark.asyncio
async def test_the_second_one_waits_until_the_first_gives_back_and_is_told_that_it_waited() -> None:
    claims = Claims(TREE)
    await claims.take("a", "loading")
    second = asyncio.create_task(claims.take("b", "loading"))
    await asyncio.sleep(0)
    assert not second.done()

    claims.release("a")

    assert await second == {"loading"}


@pytest.mark.asyncio
async def test_of_many_that_wait_one_at_a_time_has_the_node() -> None:
    claims = Claims(TREE)
    inside: list[str] = []
    most = 0

    async def work(holder: str) -> None:
        nonlocal most
        await claims.take(holder, "loading")
        inside.append(holder)
        most = max(most, len(inside))
        await asyncio.sleep(0)
        inside.remove(holder)
        claims.release(holder)

    await asyncio.gather(*(work(f"event-{i}") for i in range(20)))
    assert most == 1


@pytest.mark.asyncio
async def test_who_gives_up_waiting_takes_nothing() -> None:
    claims = Claims(TREE)
    await claims.take("a", "loading")
    impatient = asyncio.create_task(claims.take("b", "loading"))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait([impatient])
    claims.release("a")
    assert not await claims.take("c", "loading")


@pytest.mark.asyncio
@pytest.mark.parametrize("other", ["indexing", "loading", "database"])
async def test_a_node_above_or_below_a_claimed_one_waits(other: str) -> None:
    """Case 91, on a lineage: at most one remediation on a node and what hangs together with it."""
    claims = Claims(TREE)
    await claims.take("a", "loading")
    second = asyncio.create_task(claims.take("b", other))
    await asyncio.sleep(0)
    assert not second.done()
    claims.release("a")
    assert await second == {"loading"}


@pytest.mark.asyncio
async def test_another_branch_does_not_wait_even_where_both_stand_on_the_same_node() -> None:
    claims = Claims(TREE)
    await claims.take("a", "loading")
    assert not await claims.take("b", "reports")
    assert not await claims.take("c", "a node of no tree")


@pytest.mark.asyncio
async def test_whoever_acts_on_several_nodes_keeps_every_one_of_them() -> None:
    claims = Claims(TREE)
    await claims.take("a", "gateway", "loading")
    waiting = [asyncio.create_task(claims.take(f"b-{n}", n)) for n in ("gateway", "database")]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    claims.release("a")
    assert [await task for task in waiting] == [{"gateway", "loading"}] * 2


@pytest.mark.asyncio
async def test_who_came_first_goes_first_though_a_later_one_could_go_at_once() -> None:
    claims = Claims(TREE)
    await claims.take("a", "loading")
    root = asyncio.create_task(claims.take("b", "database"))
    await asyncio.sleep(0)
    later = asyncio.create_task(claims.take("c", "reports"))
    await asyncio.sleep(0)
    assert not root.done()
    assert not later.done()
    claims.release("a")
    assert await root == {"loading"}
    assert not later.done()
    claims.release("b")
    assert await later == {"database"}


@pytest.mark.asyncio
async def test_a_holder_that_takes_another_node_gives_the_first_one_back() -> None:
    """One claim a session: two that each want what the other has cannot block each other."""
    claims = Claims(TREE)
    await claims.take("a", "loading")
    await claims.take("b", "reports")
    first = asyncio.create_task(claims.take("a", "reports"))
    second = asyncio.create_task(claims.take("b", "loading"))
    assert not await asyncio.wait_for(second, 1)
    assert await asyncio.wait_for(first, 1) == {"reports"}


ACTS = st.lists(
    st.tuples(st.sampled_from([*BELOW, "elsewhere"]), st.integers(0, 3), st.booleans()),
    min_size=1,
    max_size=12,
)


@given(ACTS)
def test_never_two_on_one_lineage_and_nobody_waits_for_ever(
    acts: list[tuple[str, int, bool]],
) -> None:
    """Whoever comes in whatever order, stays however long, or gives up while it waits."""
    inside: set[str] = set()

    def lineage(node: str) -> set[str]:
        below = {found.name for found in TREE.below(node)}
        return {node, *TREE.above(node), *below}

    async def act(claims: Claims, holder: str, node: str, turns: int) -> None:
        await claims.take(holder, node)
        assert not inside & lineage(node), f"{node} beside {inside}"
        inside.add(node)
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
        finally:
            inside.remove(node)
            claims.release(holder)

    async def play() -> None:
        claims = Claims(TREE)
        tasks = [
            asyncio.create_task(act(claims, f"event-{i}", node, turns))
            for i, (node, turns, _) in enumerate(acts)
        ]
        await asyncio.sleep(0)
        for task, (_, _, gives_up) in zip(tasks, acts, strict=True):
            if gives_up and not task.done():
                task.cancel()
        async with asyncio.timeout(5):
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert not [e for e in ended if isinstance(e, Exception)]
        async with asyncio.timeout(5):
            for node in BELOW:
                await claims.take("afterwards", node)

    inside.clear()
    asyncio.run(play())
