"""Known errors on the whole path of a walk; on an external cause only those that write nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from graph.routes import after_look_up
from graph.state import FRESH
from nodes.look_up_known_error import look_up_known_error
from observer.domain.calls import Call, CallStatus, Observation
from observer.domain.conditions import parse_condition
from observer.domain.dependency_tree import DependencyTree, Node
from observer.domain.event import Incident, Severity
from observer.domain.known_error import KnownError, Signature
from observer.domain.matching import KnownErrorIndex
from observer.domain.remedy import Check, Remedy, Step, Wait
from observer.settings import load_configuration

RUNBOOK = load_configuration(Path(__file__).parents[2] / "config").runbook
BY_READINGS = RUNBOOK.model_copy(update={"act_on": "readings"})
TREE = DependencyTree(
    nodes={
        "consumer": Node("consumer", "process", depends_on=("redis", "feed")),
        "redis": Node("redis", "infrastructure"),
        "feed": Node("feed", "external"),
    }
)
KILL, WAIT = Call("kill", {"node": "redis"}), Wait(60.0)


def known(node: str, *steps: Step, condition: str = "clients > 280") -> KnownError:
    signature = Signature("pool exhausted", node, parse_condition(condition))
    remedy = Remedy(f"ke-{node}", "known error", steps, Check("", "", 1.0, 0.1)) if steps else None
    kind = "automated" if steps else "escalate"
    return KnownError(f"ke-{node}", signature, "", kind, remedy, "high")


def look_up(cause: str, *errors: KnownError, path: list[str], runbook: Any = RUNBOOK) -> Any:
    """What the node says, and the arrow that is taken; every log says that the pool is empty."""
    about = Incident("t", "s", "e", "k" * 32, cause, "", Severity.WARNING, "", "f")
    payloads: dict[str, Any] = {
        about.key("log", name): {"lines": [{"message": "pool exhausted"}]} for name in path
    }
    payloads[about.key("condition", 1)] = {"values": {"clients": 298.0}}
    state: Any = {
        **FRESH,
        "incident": about,
        "path": path,
        "because": "why nothing is ill",
        "observations": [Observation(key, "x", CallStatus.SUCCESS, "") for key in payloads],
    }

    async def read(_: Any) -> dict[str, Any]:
        return payloads

    async def decide() -> tuple[dict[str, Any], str]:
        update = await look_up_known_error(
            state,
            SimpleNamespace(index=KnownErrorIndex(errors)),  # type: ignore[arg-type]
            SimpleNamespace(payloads=read),  # type: ignore[arg-type]
            runbook,
            TREE,
        )
        return update, await after_look_up({**state, **update})

    return asyncio.run(decide())


def test_the_causes_own_known_error_comes_first_then_those_of_what_is_ill_because_of_it() -> None:
    path = ["redis", "consumer"]
    update, arrow = look_up("redis", known("consumer", KILL), known("redis", WAIT), path=path)
    assert (update["known_error"], arrow) == ("ke-redis", "known")
    update, arrow = look_up("redis", known("consumer", KILL), path=path)
    assert (update["known_error"], update["remedy"].steps) == ("ke-consumer", (KILL,))


def test_every_near_miss_of_the_path_is_told_and_none_of_them_as_elsewhere() -> None:
    misses = [known("redis", KILL, condition="gone > 1"), known("consumer", KILL, condition="x>1")]
    update, arrow = look_up("redis", *misses, path=["redis", "consumer"])
    assert arrow == "novel"
    assert update["near_misses"] == [
        "ke-redis: log pattern matches but gone was not observed is unknown",
        "ke-consumer: log pattern matches but x was not observed is unknown",
    ]


@pytest.mark.parametrize(
    ("errors", "arrow"),
    [
        ([known("feed", WAIT)], "known"),
        ([known("feed")], "known"),
        ([known("feed", WAIT, KILL)], "nothing to repair here"),
        ([known("consumer", KILL)], "nothing to repair here"),
        ([], "nothing to repair here"),
    ],
    ids=["it waits", "it is a person's", "it waits and writes", "it writes elsewhere", "novel"],
)
def test_for_an_external_cause_a_known_error_may_wait_and_never_write(
    errors: list[KnownError], arrow: str
) -> None:
    update, taken = look_up("feed", *errors, path=["feed", "consumer"])
    assert taken == arrow
    if arrow != "known":
        assert update["because"].startswith("feed is external: detected and reported")
        assert update["known_error"] is None


def test_where_the_readings_count_nothing_is_known_of_what_does_not_read_ill() -> None:
    error = known("redis", KILL)
    update, arrow = look_up("redis", error, path=[], runbook=BY_READINGS)
    assert (arrow, update["because"]) == ("nothing to repair here", "why nothing is ill")
    assert look_up("redis", error, path=["redis"], runbook=BY_READINGS)[1] == "known"
