"""The crash proof's own eyes: each fault put into a clean result is reported as what it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from observer.domain.event import digest
from tests.crash.proof.compare import compare
from tests.crash.proof.facts import (
    FAULTS,
    Calm,
    Evidence,
    Fault,
    Question,
    Recorded,
)
from tests.crash.proof.schedule import KINDS, Sent
from tests.crash.proof.sender import Promise

CALM = {
    "INFO": Calm("acknowledged", {}),
    "WARNING, known": Calm(
        "resolved",
        {("retry_failed_jobs", "transformation"): 1, ("create_incident", "transformation"): 1},
    ),
    "CRITICAL": Calm("resolved", {("restart_stage", "loading"): 1}),
    "approved": Calm("resolved", {("clear_queue", "indexing"): 1}),
    "rejected": Calm("escalated", {("create_incident", "indexing"): 1}),
}


def clean() -> Evidence:
    """One session of two WARNINGs, and one each of the others, all as it should be."""
    made: list[tuple[str, str, str]] = [
        ("first", "WARNING, known", "chain"),
        ("second", "WARNING, known", "chain"),
        ("info", "INFO", "quiet"),
        ("yes", "approved", "asked"),
        ("no", "rejected", "refused"),
    ]
    actions: list[dict[str, Any]] = []
    promises: dict[str, Promise] = {}
    events: dict[str, Recorded] = {}
    for number, (event_id, kind, session) in enumerate(made):
        sent = Sent(event_id, kind, {**KINDS[kind], "event_id": event_id})
        promises[event_id] = Promise(sent, number, number + 0.5, 1, {session})
        calm = CALM[kind]
        began_at = float(number) if calm.effects else None
        events[event_id] = Recorded(number, session, "done", calm.outcome, None, began_at)
        actions += [_action(event_id, session, tool, target) for tool, target in calm.effects]
    tickets = [action["change"]["item"] for action in actions if action["change"]]
    return Evidence(
        promises=promises,
        actions=actions,
        items={"incidents.json": tickets, "alerts.json": []},
        events=events,
        sessions={
            "chain": "resolved",
            "quiet": "acknowledged",
            "asked": "resolved",
            "refused": "escalated",
        },
        approvals={
            "a1": Question("asked", "yes", "answered"),
            "a2": Question("refused", "no", "answered"),
        },
        answered={"a1": 202, "a2": 202},
    )


def _action(event_id: str, session: str, tool: str, target: str) -> dict[str, Any]:
    key = f"default/{session}/{digest('default', 'native', event_id)[:16]}/{tool}"
    change = None
    if tool == "create_incident":
        change = {"kind": "append", "file": "incidents.json", "item": {"id": f"INC-{event_id}"}}
    return {"key": key, "action": tool, "target": target, "change": change}


def _event(evidence: Evidence, event_id: str, **changes: Any) -> Evidence:
    changed = replace(evidence.events[event_id], **changes)
    return replace(evidence, events={**evidence.events, event_id: changed})


def _promise(evidence: Evidence, event_id: str, **changes: Any) -> Evidence:
    changed = replace(evidence.promises[event_id], **changes)
    return replace(evidence, promises={**evidence.promises, event_id: changed})


def _without(evidence: Evidence, event_id: str) -> Evidence:
    kept = {key: event for key, event in evidence.events.items() if key != event_id}
    return replace(evidence, events=kept)


def _logged(evidence: Evidence, *more: dict[str, Any]) -> Evidence:
    return replace(evidence, actions=[*evidence.actions, *more])


DOCTORED: list[tuple[str, Fault, Callable[[Evidence], Evidence]]] = [
    ("an accepted event is in no record", "lost", lambda e: _without(e, "info")),
    ("an event never ended", "lost", lambda e: _event(e, "first", status="running")),
    ("an event was given up", "lost", lambda e: _event(e, "first", status="dead")),
    ("an action is missing", "lost", lambda e: replace(e, actions=e.actions[1:])),
    (
        "a ticket that was logged never appeared",
        "lost",
        lambda e: replace(e, items={**e.items, "incidents.json": e.items["incidents.json"][1:]}),
    ),
    ("an action under one key twice", "doubled", lambda e: _logged(e, e.actions[-1])),
    (
        "an action twice under two keys",
        "doubled",
        lambda e: _logged(e, {**e.actions[-1], "key": e.actions[-1]["key"] + "/again"}),
    ),
    (
        "a ticket twice",
        "doubled",
        lambda e: replace(e, items={**e.items, "incidents.json": e.items["incidents.json"] * 2}),
    ),
    ("two deliveries were called new", "doubled", lambda e: _promise(e, "info", fresh=2)),
    (
        "the second event of a session acted first",
        "out_of_order",
        lambda e: replace(e, actions=[*e.actions[2:4], *e.actions[:2], *e.actions[4:]]),
    ),
    (
        "two events of a session acted in turn",
        "out_of_order",
        lambda e: replace(e, actions=[e.actions[i] for i in (0, 2, 1, 3)] + e.actions[4:]),
    ),
    (
        "the second event of a session began first",
        "out_of_order",
        lambda e: _event(e, "second", began_at=-1.0),
    ),
    (
        "an event is stored behind one that was sent after its 202",
        "out_of_order",
        lambda e: _promise(_promise(e, "first", first_try=9.0), "second", accepted_at=8.0),
    ),
    ("an outcome differs", "wrong_outcome", lambda e: _event(e, "yes", outcome="escalated")),
    (
        "a session ended otherwise",
        "wrong_outcome",
        lambda e: replace(e, sessions={**e.sessions, "chain": "escalated"}),
    ),
    (
        "a rejected action was done",
        "wrong_outcome",
        lambda e: _logged(e, _action("no", "refused", "clear_queue", "indexing")),
    ),
    (
        "somebody paged for an event nobody sent",
        "wrong_outcome",
        lambda e: _logged(e, _action("ghost", "nowhere", "page_oncall", "data-platform")),
    ),
    (
        "an event was noted on another session's question",
        "wrong_outcome",
        lambda e: replace(
            _event(e, "first", status="joined", reason="noted on approval a2"),
            actions=e.actions[2:],
        ),
    ),
    (
        "the sender was told another session",
        "wrong_outcome",
        lambda e: _promise(e, "info", sessions={"other"}),
    ),
    (
        "a second answer was taken",
        "wrong_outcome",
        lambda e: replace(e, refusals=["a1: a second answer was 202"]),
    ),
    (
        "a first answer was refused",
        "wrong_outcome",
        lambda e: replace(e, answered={**e.answered, "a1": 409}),
    ),
    (
        "an answered question was withdrawn",
        "wrong_outcome",
        lambda e: replace(
            e, approvals={**e.approvals, "a1": Question("asked", "yes", "withdrawn")}
        ),
    ),
]


def test_a_clean_result_has_no_findings() -> None:
    """Acceptance 2 of the crash proof: nothing is reported where nothing is wrong."""
    assert compare(clean(), CALM) == []


def test_an_event_that_was_noted_on_its_own_sessions_question_needs_no_effects() -> None:
    """Design 8: while an approval is pending, further events of its session start no run."""
    evidence = clean()
    noted = Sent("noted", "approved", {})
    evidence = replace(
        evidence,
        promises={**evidence.promises, "noted": Promise(noted, 9.0, 9.5, 1, {"asked"})},
        events={
            **evidence.events,
            "noted": Recorded(9, "asked", "joined", None, "noted on approval a1", None),
        },
    )

    assert compare(evidence, CALM) == []


def test_an_event_whose_stage_another_one_healed_needs_no_remedy_of_its_own() -> None:
    """Case 91: one acts, the other waits and looks again; without either it is lost."""
    evidence = clean()
    without = replace(evidence, actions=[evidence.actions[0], *evidence.actions[1:]])
    del without.actions[2]

    assert compare(replace(without, spared=frozenset({"second"})), CALM) == []
    assert {f.fault for f in compare(without, CALM)} == {"lost"}
    alone = replace(without, actions=without.actions[1:], spared=frozenset({"first", "second"}))
    assert {f.fault for f in compare(alone, CALM)} == {"lost"}


def test_a_question_withdrawn_for_a_critical_event_goes_on_as_rejected() -> None:
    """Design 8: a higher severity escalates at once; its late answer is refused."""
    evidence = _event(clean(), "yes", outcome="escalated")
    worse = Sent("worse", "CRITICAL", {})
    evidence = replace(
        evidence,
        promises={**evidence.promises, "worse": Promise(worse, 9.0, 9.5, 1, {"asked"})},
        events={
            **evidence.events,
            "worse": Recorded(9, "asked", "done", "resolved", None, 9.0),
        },
        approvals={**evidence.approvals, "a1": Question("asked", "yes", "withdrawn")},
        answered={"a1": 409, "a2": 202},
        actions=[
            *(action for action in evidence.actions if action["action"] != "clear_queue"),
            {**_action("yes", "asked", "create_incident", "indexing"), "change": None},
            _action("worse", "asked", "restart_stage", "loading"),
        ],
    )

    assert compare(evidence, CALM) == []


@pytest.mark.parametrize(
    ("fault", "doctor"), [case[1:] for case in DOCTORED], ids=[case[0] for case in DOCTORED]
)
def test_a_doctored_result_is_reported_as_what_it_is(
    fault: Fault, doctor: Callable[[Evidence], Evidence]
) -> None:
    """Cases 1 and 9: the proof would see it."""
    assert fault in {finding.fault for finding in compare(doctor(clean()), CALM)}


def test_every_fault_is_among_the_doctored_ones() -> None:
    """The table above leaves none out."""
    assert {case[1] for case in DOCTORED} == set(FAULTS)
