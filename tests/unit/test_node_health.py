"""A look at a node: by the tree's own words, through a tool that may only read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from observer.domain.autonomy import Level, Rule
from observer.domain.calls import CallStatus
from observer.domain.dependency_tree import DependencyTree, HealthCheck, Node
from observer.domain.node_check import check_call
from observer.domain.walk import Health
from observer.gateway.health import NodeHealth
from observer.gateway.replies import Reply
from observer.settings import load_configuration

pytestmark = pytest.mark.asyncio
CONFIG = Path(__file__).parents[2] / "config"
BROKER = HealthCheck("tcp_connect", {"host": "broker", "port": 9092})
TREE = DependencyTree(
    nodes={
        "broker": Node("broker", "infrastructure", healthcheck=BROKER),
        "loading": Node("loading", "stage", healthcheck=HealthCheck("stage_metrics")),
        "dark": Node("dark", "process"),
    }
)
READS = {name: Rule(name, Level.FULL, 1) for name in ("check_health", "get_stage_metrics")}


class Tools:
    """Servers that answer as they are told, and note what they were asked."""

    def __init__(self, reply: Reply, *tools: str) -> None:
        self.reply = reply
        self.tools = set(tools)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def call(self, tool: str, args: dict[str, Any]) -> Reply:
        self.asked.append((tool, args))
        return self.reply


def door(tools: Tools, autonomy: dict[str, Rule] = READS) -> NodeHealth:
    return NodeHealth(tools, TREE, load_configuration(CONFIG).runbook, autonomy)  # type: ignore[arg-type]


def answered(**payload: Any) -> Reply:
    return Reply(CallStatus.SUCCESS, payload, "")


async def test_the_method_and_its_parameters_are_the_trees() -> None:
    tools = Tools(
        answered(status="unhealthy", reason="refused", values={"ms": 2.0}), "check_health"
    )
    look = await door(tools).look("broker")
    assert tools.asked == [
        (
            "check_health",
            {"method": "tcp_connect", "parameters": {"host": "broker", "port": 9092}},
        )
    ]
    assert (look.health, look.evidence, look.values) == (Health.UNHEALTHY, "refused", {"ms": 2.0})


@pytest.mark.parametrize(
    ("method", "own", "pointers", "parameters"),
    [
        (
            "topic_freshness",
            {"max_age": "30s"},
            {"topic": "t", "cluster": "c", "min_isr": 2},
            {"max_age": "30s", "topic": "t", "cluster": "c"},
        ),
        ("topic_freshness", {"topic": "mine"}, {"topic": "t"}, {"topic": "mine"}),
        (
            "log_recency",
            {"max_age": "30s"},
            {"container": "c", "topic": "t"},
            {"max_age": "30s", "container": "c"},
        ),
        (
            "supervisor_state",
            {},
            {"supervisor_group": "g", "supervisor_process": "p"},
            {"process": "g:p"},
        ),
        ("supervisor_state", {}, {"supervisor_process": "p"}, {"process": "p"}),
        ("supervisor_state", {"process": "x:y"}, {"supervisor_process": "p"}, {"process": "x:y"}),
        ("tcp_connect", {"port": 1}, {"container": "c"}, {"port": 1}),
    ],
)
async def test_what_a_node_says_of_itself_its_check_need_not_say_again(
    method: str, own: dict[str, Any], pointers: dict[str, Any], parameters: dict[str, Any]
) -> None:
    node = Node("n", "process", healthcheck=HealthCheck(method, own), pointers=pointers)
    call = check_call(node, load_configuration(CONFIG).runbook)
    assert call is not None
    assert call.args == {"method": method, "parameters": parameters}


@pytest.mark.parametrize(
    ("metrics", "health"),
    [
        ({"error_rate_pct": 0.1}, Health.HEALTHY),
        ({"error_rate_pct": 3.2}, Health.UNHEALTHY),
        ({}, Health.UNKNOWN),
        ({"error_rate_pct": float("nan")}, Health.UNKNOWN),
    ],
)
async def test_a_stage_is_judged_by_the_runbooks_own_check(
    metrics: dict[str, float], health: Health
) -> None:
    """Case 28: what is absent or no number is neither good nor bad."""
    tools = Tools(answered(**metrics), "get_stage_metrics")
    look = await door(tools).look("loading")
    assert look.health is health
    assert tools.asked == [("get_stage_metrics", {"stage": "loading"})]


@pytest.mark.parametrize("status", [s for s in CallStatus if s is not CallStatus.SUCCESS])
async def test_a_look_that_failed_says_nothing_about_the_node(status: CallStatus) -> None:
    """Case 28."""
    look = await door(Tools(Reply(status, None, "no answer"), "check_health")).look("broker")
    assert look.health is Health.UNKNOWN
    assert "no answer" in look.evidence


@pytest.mark.parametrize(
    "payload", [{}, {"status": "fine"}, {"status": ["healthy"]}, {"status": None, "values": 3}]
)
async def test_an_answer_that_is_none_says_nothing_about_the_node(payload: dict[str, Any]) -> None:
    look = await door(Tools(answered(**payload), "check_health")).look("broker")
    assert look.health is Health.UNKNOWN


async def test_without_a_healthcheck_a_node_stays_unseen_and_nobody_is_asked() -> None:
    tools = Tools(answered(status="healthy"), "check_health")
    assert (await door(tools).look("dark")).health is Health.UNKNOWN
    assert tools.asked == []


@pytest.mark.parametrize(
    "autonomy",
    [{}, {"check_health": Rule("check_health", Level.FULL, 2)}],
    ids=["no row", "it changes something"],
)
async def test_a_tool_that_autonomy_does_not_call_a_read_is_not_called(
    autonomy: dict[str, Rule],
) -> None:
    tools = Tools(answered(status="healthy"), "check_health")
    look = await door(tools, autonomy).look("broker")
    assert look.health is Health.UNKNOWN
    assert tools.asked == []


async def test_where_no_server_has_the_tool_it_is_said() -> None:
    tools = Tools(answered(), "get_stage_metrics")
    look = await door(tools).look("broker")
    assert "check_health is no tool that autonomy.yaml lets look by itself" in look.evidence
    assert tools.asked == []
