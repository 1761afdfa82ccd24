"""Case 66: a remedy's step acts on a node of its own incident, and on no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.calls import Call
from observer.domain.dependency_tree import DependencyTree, Metric, Node
from observer.domain.remedy import Check, Remedy, Wait
from observer.domain.target import acted_upon, may_have_healed, target_of, why_outside
from observer.domain.windows import ALWAYS
from observer.errors import OutsideIncident


def node(name: str, *below: str, type: str = "process", container: str = "") -> Node:
    pointers = {"container": container} if container else {}
    return Node(name, type, pointers=pointers, depends_on=below)


def metric(name: str, *below: str) -> Metric:
    return Metric(name, "", "60s", ALWAYS, depends_on=below)


# Freshness and lag stand on the same redis; billing is somebody else's pipeline.
TREE = DependencyTree(
    metrics={
        m.name: m
        for m in (metric("freshness", "writer"), metric("lag", "reader"), metric("cost", "billing"))
    },
    nodes={
        n.name: n
        for n in (
            node("writer", "redis", "topic", container="jobs"),
            node("reader", "redis", container="reader"),
            node("redis", type="infrastructure", container="redis"),
            node("topic", "feed", type="kafka_topic"),
            node("feed", type="external", container="feed"),
            node("billing", container="jobs"),
        )
    },
)


def outside(about: str, **args: object) -> str | None:
    return why_outside(Call("restart_process", args), about=about, tree=TREE)


@pytest.mark.parametrize(
    ("about", "target"),
    [("redis", "redis"), ("writer", "redis"), ("redis", "reader"), ("writer", "topic")],
)
@pytest.mark.parametrize("argument", ["node", "stage"])
def test_a_node_that_hurts_the_same_metric_may_be_acted_upon(
    about: str, target: str, argument: str
) -> None:
    call = Call("restart_process", {argument: target, "reason": "frozen"})
    assert target_of(call, about=about, tree=TREE) == target


@pytest.mark.parametrize("argument", ["node", "stage"])
@pytest.mark.parametrize(
    ("about", "target", "reason"),
    [
        ("writer", "billing", "billing is outside this incident: no metric hangs on it"),
        ("writer", "reader", "reader is outside this incident"),
        ("writer", "feed", "feed is external: it is detected and reported, never acted upon"),
        ("feed", "feed", "feed is external"),
        ("writer", "Redis", "'Redis' is no node of dependency_tree.yaml"),
        ("writer", "r\u0435dis", "is no node"),
        ("writer", "redis ", "is no node"),
        ("writer", "freshness", "'freshness' is no node"),
        ("writer", "*", "is no node"),
        ("writer", "", "is no node"),
        ("writer", None, "is no node"),
        ("writer", ["redis"], "is no node"),
        ("elsewhere", "redis", "redis is outside this incident"),
    ],
)
def test_anything_else_is_refused_with_its_reason(
    argument: str, about: str, target: object, reason: str
) -> None:
    assert reason in (outside(about, **{argument: target}) or "")


def test_every_named_node_must_belong_to_the_incident() -> None:
    assert outside("writer", stage="writer", node="redis") is None
    assert "billing" in (outside("writer", stage="writer", node="billing") or "")
    assert "external" in (outside("writer", node="writer", container="feed") or "")


def test_a_container_stands_for_a_node_in_it_that_belongs_to_the_incident() -> None:
    call = Call("container_restart", {"container": "jobs"})
    assert target_of(call, about="redis", tree=TREE) == "writer"
    assert target_of(call, about="writer", tree=TREE) == "writer"
    assert target_of(call, about="billing", tree=TREE) == "billing"
    assert "writer is outside this incident" in (outside("reader", container="jobs") or "")


@pytest.mark.parametrize("name", ["elsewhere", "", None, 7, ["redis"]])
def test_a_container_of_no_node_is_refused(name: object) -> None:
    assert "is the container of no node" in (outside("redis", container=name) or "")


def test_what_names_no_node_acts_on_the_incidents_own() -> None:
    assert target_of(Call("flush_cache"), about="redis", tree=TREE) == "redis"
    assert "external" in (outside("feed") or "")
    assert "is no node" in (outside("elsewhere") or "")


NAMES = st.one_of(st.sampled_from([*TREE.nodes, *TREE.metrics]), st.text(max_size=8), st.none())


@given(
    st.sampled_from(list(TREE.nodes)),
    st.dictionaries(st.sampled_from(["node", "stage", "container", "reason"]), NAMES),
)
def test_whatever_is_named_the_target_shares_a_metric_with_the_incident(
    about: str, args: dict[str, object]
) -> None:
    try:
        target = target_of(Call("restart_process", args), about=about, tree=TREE)
    except OutsideIncident:
        return
    assert TREE.nodes[target].type != "external"
    mine = {m.name for m in TREE.suffering(about)}
    assert mine & {m.name for m in TREE.suffering(target)}


def test_a_turn_covers_the_incidents_node_and_every_other_that_the_remedy_acts_on() -> None:
    """Case 91. A step outside the incident is refused, so nobody waits for its node."""
    tree = DependencyTree(
        metrics={"fresh": Metric("fresh", "", "60s", ALWAYS, depends_on=("consumer", "redis"))},
        nodes={n.name: n for n in (node("consumer"), node("redis"), node("elsewhere"))},
    )
    steps = (Call("kill", {"node": "redis"}), Wait(1), Call("restart", {"node": "elsewhere"}))
    back = (Call("start", {"node": "consumer"}),)
    remedy = Remedy("r", "known error", steps, Check("", "", 1, 1), rollback=back)
    assert acted_upon(remedy, about="consumer", tree=tree) == ["consumer", "redis"]


@pytest.mark.parametrize(
    ("others", "readings_count", "healed"),
    [
        (set(), True, False),
        (set(), False, False),
        ({"below"}, True, True),
        ({"below"}, False, False),
        ({"below", "ours"}, False, True),
    ],
    ids=["nobody", "nobody, believed", "kin", "kin, believed", "the very node, believed"],
)
def test_who_waited_looks_again_where_the_other_action_may_have_healed_it(
    others: set[str], readings_count: bool, healed: bool
) -> None:
    """Case 91."""
    found = may_have_healed(others, {"ours"}, readings_count=readings_count)
    assert found is healed
