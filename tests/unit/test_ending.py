"""What a run's end says of its failure: of its state and readings, and of nothing an alert said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from observer.domain.calls import CallStatus, Observation
from observer.domain.dependency_tree import DependencyTree, HealthCheck, Metric, Node
from observer.domain.event import Event, Incident, Severity
from observer.domain.failure import Result
from observer.domain.health import OURSELVES
from observer.domain.looks import LOOK, PROMISE, place
from observer.domain.sla import parse_promise
from observer.domain.windows import ALWAYS
from observer.records.events import StoredEvent
from observer.worker.ending import ending_of, given_up

CHECK = HealthCheck("redis_ping")
TREE = DependencyTree(
    metrics={
        "freshness": Metric(
            "freshness", "", "60s", ALWAYS, query="age", kept=parse_promise("60s", "age"),
            depends_on=("writer",),
        ),
        "said": Metric("said", "", "5m", ALWAYS, depends_on=("writer",)),
    },
    nodes={
        "writer": Node("writer", "process", healthcheck=CHECK, depends_on=("redis",)),
        "redis": Node("redis", "process", healthcheck=CHECK),
    },
)  # fmt: skip


class Scene:
    """One event, and the state in which its run ended."""

    def __init__(self, about: str, severity: Severity = Severity.WARNING, **state: Any) -> None:
        self.event = Event(event_id="e", session_id="s", stage=about, message="", severity=severity)
        self.stored = StoredEvent(1, self.event.key, "running", 0, self.event, 100.0, False)
        node = state.pop("cause", about)
        words = ("default", "s", "e", self.event.key, node, "", severity, "", "f")
        self.incident = Incident(*words)
        self.payloads: dict[str, Any] = {}
        self.state: dict[str, Any] = {
            "incident": self.incident,
            "observations": [],
            "healthy": None,
            "spared": False,
            "recovered": False,
            "promises": [],
            **state,
        }

    def saw(self, kind: str, name: str, health: str, *, again: bool = False) -> Scene:
        key = self.incident.key(place(kind, again=again), name)
        self.payloads[key] = {"status": health, "reason": ""}
        self.state["observations"].append(Observation(key, "look", CallStatus.SUCCESS, ""))
        return self

    async def end(self, outcome: str | None) -> Any:
        async def payloads(_: object) -> dict[str, Any]:
            return self.payloads

        services: Any = SimpleNamespace(tree=TREE, ledger=SimpleNamespace(payloads=payloads))
        return await ending_of(self.stored, self.state, outcome, services)


RESULTS: dict[str, tuple[dict[str, Any], str | None, Result]] = {
    "asked": ({}, None, Result.OPEN),
    "healed": ({"healthy": True}, "resolved", Result.HEALED),
    "healed by another": ({"healthy": True, "spared": True}, "resolved", Result.SPARED),
    "ill, then well": ({"healthy": True, "recovered": True}, "resolved", Result.RECOVERED),
    "well from the start": ({"recovered": True}, "resolved", Result.FALSE_ALARM),
    "a person has it": ({"healthy": False}, "escalated", Result.HANDED_OVER),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("name", RESULTS)
async def test_how_it_ended(name: str) -> None:
    state, outcome, result = RESULTS[name]
    ending = await Scene("writer", **state).end(outcome)
    assert ending.result is result
    assert bool(ending.healthy) == (outcome == "resolved")


@pytest.mark.asyncio
async def test_a_promise_that_was_read_decides_over_the_event() -> None:
    said = Scene("freshness").saw(PROMISE, "freshness", "healthy")
    assert (await said.end("escalated")).metrics == frozenset()
    read = Scene("writer").saw(PROMISE, "freshness", "unhealthy")
    assert (await read.end("escalated")).metrics == {"freshness"}
    # What nobody could read is neither kept nor broken: then the event's word counts.
    unseen = Scene("freshness").saw(PROMISE, "freshness", "unknown")
    assert (await unseen.end("escalated")).metrics == {"freshness"}


@pytest.mark.asyncio
async def test_the_second_look_at_a_promise_is_the_one_that_counts() -> None:
    scene = Scene("writer").saw(PROMISE, "freshness", "unhealthy")
    scene.saw(PROMISE, "freshness", "healthy", again=True)
    assert (await scene.end("escalated")).metrics == frozenset()


@pytest.mark.asyncio
async def test_a_critical_breaks_what_has_no_query_and_a_warning_does_not() -> None:
    critical = Scene("redis", Severity.CRITICAL).saw(PROMISE, "freshness", "healthy")
    assert (await critical.end("escalated")).metrics == {"said"}
    assert (await Scene("redis").end("escalated")).metrics == frozenset()


@pytest.mark.asyncio
async def test_a_false_alarm_says_of_the_whole_walk_that_it_is_well() -> None:
    scene = Scene("freshness", recovered=True)
    scene.saw(LOOK, "writer", "healthy", again=True).saw(LOOK, "redis", "healthy", again=True)
    assert (await scene.end("resolved")).healthy == {"freshness", "writer", "redis"}


@pytest.mark.asyncio
async def test_a_cure_says_it_of_the_cause_of_what_was_named_and_of_the_promises_it_proved() -> (
    None
):
    scene = Scene("writer", cause="redis", healthy=True, promises=["freshness"])
    key = scene.incident.key("verify", 0, 2)
    scene.state["observations"].append(Observation(key, "check", CallStatus.SUCCESS, ""))
    ending = await scene.end("resolved")
    assert ending.node == "redis"
    assert ending.healthy == {"writer", "redis", "freshness"}
    assert ending.proof == key


@pytest.mark.asyncio
async def test_an_alarm_of_our_own_is_no_failure_of_the_pipeline() -> None:
    scene = Scene("writer", Severity.CRITICAL)
    own = scene.event.model_copy(update={"source": OURSELVES, "stage": OURSELVES})
    scene.stored = StoredEvent(1, own.key, "running", 0, own, 100.0, False)
    assert (await scene.end("escalated")).severity is Severity.INFO


def test_a_run_that_failed_knows_what_the_event_said() -> None:
    services: Any = SimpleNamespace(tree=TREE)
    stored = Scene("redis", Severity.CRITICAL).stored
    last = given_up(stored, for_good=True, services=services)
    assert (last.result, last.severity, last.metrics) == (Result.GIVEN_UP, None, {"said"})
    assert given_up(stored, for_good=False, services=services).result is Result.OPEN
