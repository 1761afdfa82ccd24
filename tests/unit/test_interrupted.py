"""The span of a step that a crash cut, from the checkpoint that the cut run left."""

from __future__ import annotations

from typing import Any

from langgraph.types import PregelTask, StateSnapshot

from observer.domain.event import Event
from observer.worker.interrupted import interrupted_steps

EVENT = Event(
    event_id="e-1", stage="loading", message="it broke", tenant_id="acme", session_id="s-1"
)


def snapshot(*tasks: PregelTask, step: int = 4) -> StateSnapshot:
    metadata: Any = {"step": step}
    return StateSnapshot({}, (), {}, metadata, None, None, tasks, ())


def task(name: str, result: Any = None) -> PregelTask:
    return PregelTask(id=name, name=name, path=(), result=result)


def steps(found: StateSnapshot | None) -> list[tuple[str, int]]:
    spans = interrupted_steps(EVENT, "trace-1", found)
    assert {(s.trace_id, s.session_id, s.tenant_id) for s in spans} == {("trace-1", "s-1", "acme")}
    assert {s.result_status for s in spans} == {"interrupted"}
    return [(s.name, s.step_index) for s in spans]


def test_a_run_cut_before_its_first_checkpoint_was_at_the_first_node():
    assert steps(None) == [("classify", 1)]


def test_each_parallel_look_without_a_result_is_one_interrupted_step():
    cut = snapshot(task("observe"), task("observe", {"observations": []}), task("observe"))

    assert steps(cut) == [("observe", 5), ("observe", 5)]


def test_a_cut_between_the_writes_of_a_step_and_its_checkpoint_names_that_step():
    assert steps(snapshot(task("remediate", {"steps_done": 1}))) == [("remediate", 5)]
