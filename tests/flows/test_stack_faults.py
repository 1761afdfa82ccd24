"""Every fault of a real pipeline: seen by a real Prometheus, told by a real Alertmanager,
handled without a model.

`python -m tests.stack` shows the same by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from tests.observer_process import ObserverProcess
from tests.stack.faults import FAULTS, Fault, Work
from tests.stack.part import wait_until
from tests.stack.pipeline_stack import SECRETS, PipelineStack
from tests.stack.trial import attempt, wrong

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Scene:
    """The stack, and the observer that its Alertmanager tells."""

    stack: PipelineStack
    observer: ObserverProcess


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    stack = PipelineStack(tmp_path_factory.mktemp("stack"))
    config = stack.config(stack.folder / "config")
    observer = ObserverProcess(
        stack.folder / "var",
        config=config,
        env={**SECRETS, "OBSERVER__QUEUE__POLLING_INTERVAL": "100ms"},
    )
    with observer, stack:
        stack.tell(observer.url)
        yield Scene(stack, observer)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_healed_or_given_to_a_person_or_left_alone(scene: Scene, name: str) -> None:
    """The right node and cause, one incident, and no change that is not allowed for it."""
    fault = FAULTS[name]
    trial = attempt(scene.stack, scene.observer, fault)
    assert not wrong(trial, fault), trial


def while_it_waits(scene: Scene, alerts: int, work: Callable[[PipelineStack], None]) -> Work:
    """Exhaust the clients, and do something when so many alerts are in and none is worked on."""

    def told() -> int:
        waiting = scene.observer.get("/health")["inbox"]
        return waiting["held"] + waiting["running"]

    def inflict(stack: PipelineStack) -> None:
        scene.observer.order("pause")
        stack.exhaust_clients()
        wait_until(lambda: told() >= alerts, "the alerts are in")
        work(stack)
        scene.observer.order("unpause")

    return inflict


def test_alerts_that_come_apart_and_go_again_are_one_incident(scene: Scene) -> None:
    """Case 89: stale data, then the lag, then the clients; healed once, and then all resolved."""
    names = {"RedisDataStale", "ConsumerLagHigh", "RedisClientsNearLimit"}
    inflict = while_it_waits(scene, len(names), lambda stack: None)
    fault = replace(FAULTS["clients exhausted"], inflict=inflict)
    trial = attempt(scene.stack, scene.observer, fault)
    session_id = trial.session["session_id"]

    def fired_and_resolved() -> bool:
        events = scene.observer.session(session_id)["events"]
        said = [event["message"].partition(":")[0] for event in events]
        return all(said.count(name) == 2 for name in names)

    assert not wrong(trial, fault), trial
    wait_until(fired_and_resolved, "every alert is noted as resolved")


def test_without_prometheus_nothing_is_done_and_a_person_is_told(scene: Scene) -> None:
    """Case 28: it stops after it has alerted; what cannot be read is no reason to act."""

    def see_again(stack: PipelineStack) -> None:
        stack.release_clients()
        stack.prometheus.start()

    fault = Fault(
        inflict=while_it_waits(scene, 1, lambda stack: stack.prometheus.stop()),
        undo=see_again,
        cause="Not seen: redis_instance",
        outcome="escalated",
        says="redis_instance could not be seen and may be the cause instead",
    )
    trial = attempt(scene.stack, scene.observer, fault)
    assert not wrong(trial, fault), trial
