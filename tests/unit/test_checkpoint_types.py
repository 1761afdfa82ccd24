"""A checkpoint brings back the listed types of ours, and nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args, get_type_hints

from graph.build import serializer
from graph.state import CHECKPOINTED, FRESH, ObserverState
from observer.domain.calls import Call, CallStatus, Observation
from observer.domain.lifecycle import Lifecycle
from observer.domain.remedy import Check, Remedy, Ruling, RulingKind, Wait


def round_trip(value: Any) -> Any:
    serde = serializer()
    return serde.loads_typed(serde.dumps_typed(value))


def test_a_remedy_comes_back_as_it_was() -> None:
    call = Call("clear_queue", {"stage": "indexing"})
    check = Check("m", "a < 1", 1.0, 0.1)
    remedy = Remedy("r", "diagnosis", (call, Wait(2.5)), check, "ap-1", (call,), "look")
    restored = round_trip(remedy)
    assert restored.fingerprint == remedy.fingerprint
    assert restored.calls == remedy.calls
    assert restored.steps[1] == Wait(2.5)


def test_enumerations_keep_their_identity() -> None:
    ruling = round_trip(Ruling(RulingKind.ASK, "why"))
    assert ruling.kind is RulingKind.ASK
    observation = round_trip(Observation("k", "t", CallStatus.SUCCESS, "s"))
    assert observation.ok


def test_a_type_that_is_not_listed_does_not_come_back_to_life() -> None:
    assert Lifecycle not in CHECKPOINTED
    assert not isinstance(round_trip(Lifecycle.RUNNING), Lifecycle)


def types_of_ours(hint: Any, found: set[type]) -> set[type]:
    """Every class of the observer that a type hint leads to, through fields, too."""
    for inner in get_args(hint):
        types_of_ours(inner, found)
    if isinstance(hint, type) and hint.__module__.startswith("observer.") and hint not in found:
        found.add(hint)
        if dataclasses.is_dataclass(hint):
            for inner in get_type_hints(hint).values():
                types_of_ours(inner, found)
    return found


def test_exactly_the_types_that_the_state_can_hold_are_listed() -> None:
    found: set[type] = set()
    for hint in get_type_hints(ObserverState).values():
        types_of_ours(hint, found)
    assert found == set(CHECKPOINTED)


def test_a_run_begins_with_every_field_of_the_state() -> None:
    set_by_classify = {*FRESH, "event", "incident", "because"}
    assert set_by_classify == set(get_type_hints(ObserverState))
