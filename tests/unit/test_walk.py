"""The walk from a broken promise to the node that breaks it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.dependency_tree import DependencyTree, HealthCheck, Metric, Node
from observer.domain.walk import Diagnosis, Health, Look, diagnosis, next_looks
from observer.domain.windows import ALWAYS
from observer.settings.tree import load_tree
from tests.unit.test_dependency_tree import trees

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
TOP = "entity_data_freshness"
CONSUMER, TOPIC, SOCKET = "kafka_to_redis_consumer", "kafka_entity_topic", "websocket_ingestion"
FEED, REDIS = "upstream_data_feed", "redis_instance"


@pytest.fixture(scope="module")
def tree() -> DependencyTree:
    return load_tree(EXAMPLES)


def walk(
    tree: DependencyTree, top: str, ill: set[str], unseen: set[str] = frozenset()
) -> tuple[list[list[str]], Diagnosis]:
    """The groups that were looked at, one after the other, and what was found."""
    looks: dict[str, Look] = {}
    groups: list[list[str]] = []
    while group := next_looks(tree, top, looks):
        groups.append(group)
        for name in group:
            health = (
                Health.UNHEALTHY
                if name in ill
                else Health.UNKNOWN
                if name in unseen
                else Health.HEALTHY
            )
            looks[name] = Look(name, health, f"{name} is {health}")
    return groups, diagnosis(tree, top, looks)


def test_the_seeds_own_walk_a_lag_whose_cause_is_the_destination(tree: DependencyTree) -> None:
    """Seed 002: lag 45,000, topic advancing, 298 of 300 clients: the root cause is Redis."""
    groups, found = walk(tree, TOP, {CONSUMER, REDIS})

    assert groups == [[CONSUMER, REDIS], [TOPIC]]
    (cause,) = found.causes
    assert cause.node == REDIS
    assert cause.path == (TOP, REDIS)
    assert cause.because == f"{REDIS} is unhealthy; {CONSUMER} waits for it"
    assert [look.node for look in found.waypoints] == [CONSUMER]
    assert found.ill == [REDIS, CONSUMER]
    assert [look.node for look in found.excluded] == [TOPIC]


@pytest.mark.parametrize(
    ("ill", "cause", "looked_at"),
    [
        ({CONSUMER}, CONSUMER, [[CONSUMER, REDIS], [TOPIC]]),
        ({REDIS}, REDIS, [[CONSUMER, REDIS]]),
        # Nothing comes in: no lag, so the walk goes on below what looks healthy.
        ({TOPIC, SOCKET}, SOCKET, [[CONSUMER, REDIS], [TOPIC], [SOCKET], [FEED]]),
        ({TOPIC, SOCKET, FEED}, FEED, [[CONSUMER, REDIS], [TOPIC], [SOCKET], [FEED]]),
        ({CONSUMER, TOPIC, SOCKET, FEED}, FEED, [[CONSUMER, REDIS], [TOPIC], [SOCKET], [FEED]]),
    ],
    ids=["consumer dead", "redis gone", "producer stopped", "upstream gone", "all of it"],
)
def test_the_deepest_ill_node_is_the_cause_and_nothing_below_a_healthy_one_is_asked(
    tree: DependencyTree, ill: set[str], cause: str, looked_at: list[list[str]]
) -> None:
    groups, found = walk(tree, TOP, ill)
    assert groups == looked_at
    assert [c.node for c in found.causes] == [cause]
    assert found.causes[0].path[0] == TOP
    assert found.causes[0].path[-1] == cause


def test_where_everything_is_healthy_everything_was_looked_at_and_nothing_is_blamed(
    tree: DependencyTree,
) -> None:
    groups, found = walk(tree, TOP, set())
    assert groups == [[CONSUMER, REDIS], [TOPIC], [SOCKET], [FEED]]
    assert found.causes == ()
    assert len(found.excluded) == 5


def test_what_cannot_be_seen_is_neither_blamed_nor_cleared_and_is_looked_under(
    tree: DependencyTree,
) -> None:
    groups, found = walk(tree, TOP, {SOCKET}, unseen={CONSUMER, TOPIC})
    assert groups == [[CONSUMER, REDIS], [TOPIC], [SOCKET], [FEED]]
    assert [c.node for c in found.causes] == [SOCKET]
    assert [look.node for look in found.unseen] == [CONSUMER, TOPIC]


@pytest.mark.parametrize(
    ("ill", "unseen", "doubts"),
    [
        ({CONSUMER}, {REDIS}, (REDIS,)),
        ({CONSUMER}, {TOPIC}, (TOPIC,)),
        ({CONSUMER}, set(), ()),
        ({REDIS}, {CONSUMER}, ()),
    ],
    ids=["its destination", "its source", "all was seen", "what waits for it"],
)
def test_a_cause_is_in_doubt_where_what_may_press_or_starve_it_could_not_be_seen(
    tree: DependencyTree, ill: set[str], unseen: set[str], doubts: tuple[str, ...]
) -> None:
    """Case 28."""
    _, found = walk(tree, TOP, ill, unseen)
    assert found.causes[0].doubts == doubts


def test_the_walk_may_begin_at_a_node(tree: DependencyTree) -> None:
    groups, found = walk(tree, TOPIC, {TOPIC, SOCKET})
    assert groups == [[TOPIC], [SOCKET], [FEED]]
    assert found.causes[0].path == (TOPIC, SOCKET)


def test_a_walk_that_begins_at_a_lagging_consumer_looks_in_both_directions(
    tree: DependencyTree,
) -> None:
    """The lag's alert may come before the one of the promise or of the destination."""
    groups, found = walk(tree, CONSUMER, {CONSUMER, REDIS})
    assert groups == [[CONSUMER], [TOPIC, REDIS]]
    (cause,) = found.causes
    assert cause.node == REDIS
    assert cause.path == (CONSUMER, REDIS)
    assert found.ill == [REDIS, CONSUMER]


def test_a_consumer_waits_for_a_destination_that_is_ill_because_of_what_is_under_it() -> None:
    lag = HealthCheck("consumer_lag")
    nodes = {
        "consumer": Node("consumer", "process", healthcheck=lag),
        "redis": Node("redis", "infrastructure", depends_on=("disk",)),
        "disk": Node("disk", "infrastructure"),
    }
    metric = Metric("m", "", "60s", ALWAYS, depends_on=("consumer", "redis"))
    found = walk(DependencyTree({"m": metric}, nodes), "consumer", set(nodes))[1]
    assert [cause.node for cause in found.causes] == ["disk"]
    assert found.causes[0].path == ("consumer", "redis", "disk")


@given(trees(), st.data())
def test_a_walk_ends_asks_nobody_twice_and_blames_only_the_deepest_ill(
    drawn: tuple[DependencyTree, dict[str, set[str]]], data: st.DataObject
) -> None:
    tree, below = drawn
    ill = data.draw(st.sets(st.sampled_from(sorted(tree.nodes))))
    unseen = data.draw(st.sets(st.sampled_from(sorted(tree.nodes)))) - ill
    groups, found = walk(tree, "m", ill, unseen)
    asked = [name for group in groups for name in group]
    assert len(asked) == len(set(asked))
    assert set(asked) <= below["m"]
    # Whatever is ill anywhere, somebody is blamed; nobody is where nothing is.
    assert bool(found.causes) is bool(ill & below["m"])
    for cause in found.causes:
        assert cause.node in ill
        assert not below[cause.node] & ill & set(asked)
        assert list(cause.path) == tree.path("m", cause.node)
    assert sorted(found.ill) == sorted(ill & set(asked))
    assert found.ill[:1] == [cause.node for cause in found.causes[:1]]
    parts = [*found.causes, *found.waypoints, *found.excluded, *found.unseen]
    assert sorted(part.node for part in parts) == sorted(asked)
