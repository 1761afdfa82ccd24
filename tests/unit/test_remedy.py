"""A remedy is one plan: what is asked about, what was agreed to, and what is done are the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nodes.seek_approval import request_for
from observer.domain.approval import Approval, approved_fingerprint
from observer.domain.autonomy import strictest
from observer.domain.calls import Call
from observer.domain.event import Severity
from observer.domain.remedy import Check, Remedy, RulingKind, Step, Wait
from observer.domain.runbook import CallTemplate, RemedyTemplate
from observer.settings import load_configuration

ROOT = Path(__file__).parents[2]
CHECK = Check("get_stage_metrics", "error_rate_pct < 1", 1.0, 0.1)
CALLS = st.builds(
    Call,
    st.sampled_from(["restart_stage", "container_exec"]),
    st.dictionaries(st.sampled_from(["stage", "argv"]), st.text() | st.lists(st.text())),
)
STEPS: st.SearchStrategy[Step] = CALLS | st.builds(Wait, st.floats(0.5, 3600))
REMEDIES = st.builds(
    Remedy,
    id=st.just("ke-1"),
    origin=st.just("known error"),
    steps=st.lists(STEPS, max_size=5).map(tuple),
    check=st.just(CHECK),
    rollback=st.lists(CALLS, max_size=3).map(tuple),
)


def answered(remedy: Remedy, decisions: list[dict[str, Any]]) -> Approval:
    request, answer = request_for(remedy, "why"), {"decisions": decisions}
    return Approval(
        "a", "t", "s", "k", remedy.fingerprint, request, [], "answered", answer, 0.0, 0.0
    )


@given(REMEDIES)
def test_who_approves_agrees_to_the_whole_plan_with_its_waits_and_its_rollback(
    remedy: Remedy,
) -> None:
    approved = answered(remedy, [{"type": "approve"} for _ in remedy.calls])
    assert approved_fingerprint(approved) == remedy.fingerprint


@given(REMEDIES.filter(lambda remedy: remedy.calls), st.data())
def test_who_edits_agrees_to_exactly_that_and_to_nothing_else(
    remedy: Remedy, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(remedy.calls) - 1))
    edited = Call(remedy.calls[at].tool, {"edited": True})
    action = {"name": edited.tool, "args": edited.args}
    decisions: list[dict[str, Any]] = [{"type": "approve"} for _ in remedy.calls]
    decisions[at] = {"type": "edit", "edited_action": action}
    meant = remedy.with_calls([*remedy.calls[:at], edited, *remedy.calls[at + 1 :]])
    assert approved_fingerprint(answered(remedy, decisions)) == meant.fingerprint
    assert meant.fingerprint != remedy.fingerprint


@given(REMEDIES)
def test_a_plan_with_its_own_calls_put_in_is_the_same_plan(remedy: Remedy) -> None:
    assert remedy.with_calls(remedy.calls) == remedy


@given(REMEDIES, CALLS)
def test_a_longer_wait_a_further_call_and_a_further_rollback_are_another_plan(
    remedy: Remedy, call: Call
) -> None:
    others = [
        replace(remedy, steps=(*remedy.steps, call)),
        replace(remedy, steps=(*remedy.steps, Wait(1.0))),
        replace(remedy, rollback=(*remedy.rollback, call)),
    ]
    for i, step in enumerate(remedy.steps):
        if isinstance(step, Wait):
            longer = (*remedy.steps[:i], Wait(step.seconds + 1), *remedy.steps[i + 1 :])
            others.append(replace(remedy, steps=longer))
    assert all(other.fingerprint != remedy.fingerprint for other in others)


def test_what_was_asked_by_an_earlier_release_is_still_what_was_agreed_to() -> None:
    call = Call("clear_queue", {"stage": "indexing"})
    remedy = Remedy("clear_queue", "diagnosis", (call,), CHECK)
    request = request_for(remedy, "why")
    assert request.keys() == {"action_requests", "review_configs"}
    assert remedy.fingerprint == "4fdc25be5a2126ec8a47a8433b136dc913e9521829345cd010aa8c110d34098c"


def test_a_wait_is_not_asked_about_and_a_rollback_says_what_it_is() -> None:
    call, undo = Call("redis_config_set", {"value": "yes"}), Call("redis_config_set", {})
    remedy = Remedy("ke-3", "known error", (Wait(5.0), call), CHECK, rollback=(undo,))
    request = request_for(remedy, "why")
    assert [asked["description"] for asked in request["action_requests"]] == [
        "ke-3: why",
        "rollback of ke-3: why",
    ]
    assert (request["waits"], request["rollback"]) == ({"0": 5.0}, 1)


def test_where_nothing_is_done_but_wait_there_is_nothing_to_rule_on() -> None:
    ruling = strictest([])
    assert (ruling.kind, ruling.reason) == (RulingKind.ALLOW, "nothing is done but wait")


def test_a_remedy_of_the_runbook_is_undone_on_the_stage_that_it_acted_on() -> None:
    template = RemedyTemplate(
        purpose="x",
        steps=[CallTemplate(tool="clear_queue", args={"stage": "{stage}"})],
        rollback=[CallTemplate(tool="restart_stage", args={"stage": "{stage}"})],
    )
    runbook = load_configuration(ROOT / "config").runbook
    runbook = runbook.model_copy(update={"remedies": {"clear": template}})
    remedy = runbook.remedy("clear", stage="loading", severity=Severity.WARNING)
    assert remedy.rollback == (Call("restart_stage", {"stage": "loading"}),)
    assert remedy.fingerprint != replace(remedy, rollback=()).fingerprint
