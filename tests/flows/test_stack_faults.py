"""Every fault of a real pipeline: seen by a real Prometheus, told by a real Alertmanager,
handled without a model.

`python -m tests.stack` shows the same by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.observer_process import ObserverProcess
from tests.stack.faults import FAULTS
from tests.stack.pipeline_stack import PipelineStack
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
        stack.folder / "var", config=config, env={"OBSERVER__QUEUE__POLLING_INTERVAL": "100ms"}
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
