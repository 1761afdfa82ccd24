"""What is read of the ill nodes, what is left out of it, and whose each answer is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.call_template import CallTemplate
from observer.domain.calls import Call, CallStatus, Observation
from observer.domain.conditions import parse_condition
from observer.domain.dependency_tree import DependencyTree, Node
from observer.domain.event import Incident, Severity
from observer.domain.gathering import MOST_CONDITIONS, Gathering, gathering
from observer.domain.known_error import KnownError, Signature
from observer.domain.looks import lines_of, numbers_of
from observer.settings import load_configuration

INCIDENT = Incident("t", "s", "e", "k" * 32, "redis", "", Severity.WARNING, "", "f")
TREE = DependencyTree(
    nodes={
        "redis": Node("redis", "infrastructure", pointers={"container": "redis-1"}),
        "consumer": Node(
            "consumer", "process", pointers={"loki_query": '{c="x"}', "container": "consumer-1"}
        ),
        "topic": Node("topic", "kafka_topic"),
    }
)
RUNBOOK = load_configuration(Path(__file__).parents[2] / "config").runbook.model_copy(
    update={
        "logs": CallTemplate(
            tool="query_logs",
            args={"container": "{container}", "query": "{loki_query}", "minutes": 15},
        ),
        "conditions": CallTemplate(tool="query_metrics", args={"query": "{query}"}),
    }
)


def known(node: str, *conditions: str) -> list[KnownError]:
    return [
        KnownError(
            id=condition,
            signature=Signature("xxxx", node, parse_condition(condition)),
            root_cause="",
            fix_type="escalate",
            remedy=None,
            severity="high",
        )
        for condition in conditions
    ]


def gathered(room: int, **conditions: list[str]) -> Gathering:
    return gathering(
        INCIDENT,
        ["redis", "consumer", "topic"],
        TREE,
        RUNBOOK,
        lambda node: known(node, *conditions.get(node, [])),
        room,
    )


def test_each_ill_nodes_log_is_read_by_its_own_pointers_and_each_query_once() -> None:
    found = gathered(
        9, redis=["clients > 280"], consumer=["clients < 3", "reconnects increase > 3 in 5m"]
    )
    assert list(found.calls.values()) == [
        Call("query_logs", {"container": "redis-1", "minutes": 15}),
        Call("query_metrics", {"query": "clients"}),
        Call("query_logs", {"container": "consumer-1", "query": '{c="x"}', "minutes": 15}),
        Call("query_metrics", {"query": "increase(reconnects[5m])"}),
    ]
    assert found.note == []


def test_what_there_is_no_room_for_is_what_is_farthest_from_the_cause_and_is_said() -> None:
    found = gathered(2, redis=["clients > 280"], consumer=["lag > 3"])
    assert [place for place, _ in found.calls] == ["log", "condition"]
    assert found.note == ["Not read, to stay within the budget: the log of consumer, lag"]


@given(
    room=st.integers(min_value=-5, max_value=30),
    metrics=st.lists(st.from_regex(r"[a-h]{1,2}x", fullmatch=True), max_size=30),
)
def test_whatever_is_known_the_room_and_the_most_conditions_are_kept(
    room: int, metrics: list[str]
) -> None:
    found = gathered(room, consumer=[f"{metric} > 1" for metric in metrics])
    asked = [call.args["query"] for call in found.calls.values() if call.tool == "query_metrics"]
    assert len(found.calls) <= max(room, 0)
    assert len(asked) == len(set(asked)) <= MOST_CONDITIONS
    wanted = {*metrics, "the log of redis", "the log of consumer"}
    read = {*asked} | {f"the log of {n}" for kind, n in found.calls if kind == "log"}
    assert read | set(found.left_out) == wanted
    assert not read & set(found.left_out)


def observed(**payloads: Any) -> tuple[list[Observation], dict[str, Any]]:
    keys = {INCIDENT.key(*name.split("__")): payload for name, payload in payloads.items()}
    return [Observation(key, "x", CallStatus.SUCCESS, "") for key in keys], keys


@pytest.mark.parametrize(
    ("node", "lines"), [("redis", ["of redis", "read there"]), ("consumer", ["of the consumer"])]
)
def test_a_line_is_the_nodes_whose_log_was_read_though_it_names_none(
    node: str, lines: list[str]
) -> None:
    observations, payloads = observed(
        log__redis={"lines": [{"message": "of redis"}]},
        log__consumer={"lines": [{"message": "of the consumer"}]},
        read__0={"lines": [{"message": "read there"}, {"message": "loading's", "node": "loading"}]},
    )
    assert lines_of(INCIDENT, node, observations, payloads, now=0, window_s=1) == lines


def test_the_figures_of_another_nodes_check_or_of_a_promise_are_none_of_this_one() -> None:
    """Case 28: a condition is not judged by what was seen elsewhere."""
    observations, payloads = observed(
        look__redis={"values": {"lag": 1.0}},
        look__consumer={"values": {"lag": 45000.0}},
        promise__fresh={"values": {"value": 73.0}},
        condition__1={"values": {"clients": 298.0}},
        read__0={"values": {"queue": 7.0}},
    )
    everywhere = {"clients": 298.0, "queue": 7.0}
    assert numbers_of(INCIDENT, "redis", observations, payloads) == {**everywhere, "lag": 1.0}
    assert numbers_of(INCIDENT, "consumer", observations, payloads) == {
        **everywhere,
        "lag": 45000.0,
    }
    assert numbers_of(INCIDENT, "topic", observations, payloads) == everywhere
