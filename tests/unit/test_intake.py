"""The one way in: a delivery is recognised, finds its session, and is written down before 202."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from observer.domain.event import digest
from observer.domain.hold import HoldCause
from observer.domain.lifecycle import Lifecycle
from observer.errors import InboxFull, ObserverUnavailable
from observer.intake import Accepted
from observer.sources import Alert
from tests.unit.intake_world import SECRET, WINDOW, World

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    made = World(tmp_path, max_pending=3, critical_reserve=2)
    monkeypatch.setattr(time, "time", lambda: made.now)
    await made.database.open()
    yield made
    await made.database.close()


async def test_a_new_event_is_in_the_inbox_and_in_the_records_before_it_is_answered(
    world: World,
) -> None:
    accepted = await world.post()
    assert not accepted.duplicate
    assert await world.stored() == [(accepted.session_id, "queued")]
    (item,) = world.inbox.items.values()
    assert (item["kind"], item["event"]["event_id"]) == ("event", accepted.event_id)


async def test_a_held_secret_in_an_alert_goes_no_further_than_the_door(world: World) -> None:
    """Case 48."""
    for number, severity in enumerate(("INFO", "WARNING")):
        text = f"{number} {SECRET}"
        await world.post(text.encode(), severity=severity, message=text, labels={"a": SECRET})
    assert SECRET not in str(world.inbox.items)
    dump = await world.database.read(lambda c: "".join(c.iterdump()))
    assert SECRET not in dump


async def test_an_alert_that_the_tree_names_is_about_its_node_whatever_its_labels_say(
    world: World,
) -> None:
    labels = {"alertname": "RedisFull"}
    await world.post(b"1", source="alertmanager", stage="exporter", labels=labels)
    await world.post(b"2", source="alertmanager", stage="exporter", labels={"alertname": "Else"})
    await world.post(b"3", source="native", stage="exporter", labels=labels)
    stages = [item["event"]["stage"] for item in world.inbox.items.values()]
    assert stages == ["redis", "exporter", "exporter"]


async def test_what_the_inbox_did_not_take_is_not_accepted(world: World) -> None:
    """Case 11: never a 202 for what is not written down."""
    world.inbox.broken = True
    with pytest.raises(OSError, match="disk full"):
        await world.post()
    assert await world.stored() == []


async def test_critical_goes_into_its_own_lane(world: World) -> None:
    for severity in ("CRITICAL", "WARNING", None):
        await world.post(str(severity).encode(), severity=severity)
    assert [i["lane"] for i in world.inbox.items.values()] == ["critical", "normal", "normal"]


@pytest.mark.parametrize("severity", ["INFO", "WARNING", "CRITICAL", None])
@pytest.mark.parametrize("session", [None, "chosen"])
async def test_the_same_event_id_is_one_event_for_good(
    world: World, severity: str | None, session: str | None
) -> None:
    """Case 78."""
    event = {"severity": severity, "session_id": session, "event_id": "e-1"}
    first = await world.post(b"one", **event)
    world.now += 6 * 86400
    again = await world.post(b"another body", **{**event, "message": "reworded"})
    assert again == Accepted("e-1", first.session_id, duplicate=True)
    assert len(await world.stored()) == 1


@pytest.mark.parametrize("severity", ["INFO", "WARNING", "CRITICAL"])
@pytest.mark.parametrize("event_id", [None, "e-1"])
async def test_five_copies_at_once_are_one_event_and_all_are_told_its_session(
    world: World, severity: str, event_id: str | None
) -> None:
    """Case 78."""
    answers = await asyncio.gather(
        *(world.post(severity=severity, event_id=event_id) for _ in range(5))
    )
    ((session, _),) = await world.stored()
    assert {answer.session_id for answer in answers} == {session}
    assert sorted(answer.duplicate for answer in answers) == [False, True, True, True, True]
    assert len(world.inbox.items) == (0 if severity == "INFO" else 1)


@pytest.mark.parametrize("other", [{"tenant_id": "acme"}, {"source": "other"}])
async def test_an_event_id_belongs_to_its_tenant_and_source(
    world: World, other: dict[str, str]
) -> None:
    await world.post(event_id="e-1")
    assert not (await world.post(event_id="e-1", **other)).duplicate
    assert len(await world.stored()) == 2


@pytest.mark.parametrize("start", [0.0, 1.0, 30.0, 59.0])
@pytest.mark.parametrize("severity", ["INFO", "WARNING"])
async def test_the_same_body_is_one_event_within_the_window_and_a_new_one_after_it(
    world: World, start: float, severity: str
) -> None:
    """Case 54."""
    begin = world.now + start
    world.now = begin
    first = await world.post(severity=severity)
    for age in (0.5, 30.0, WINDOW - 0.5):
        world.now = begin + age
        assert await world.post(severity=severity) == Accepted(
            first.event_id, first.session_id, duplicate=True
        )
    world.now = begin + WINDOW + 0.5
    later = await world.post(severity=severity)
    assert not later.duplicate
    assert later.event_id != first.event_id
    assert len(await world.stored()) == 2


@pytest.mark.parametrize("severity", ["INFO", "WARNING"])
async def test_a_copy_of_the_second_of_two_equal_bodies_is_known_even_by_a_full_inbox(
    world: World, severity: str
) -> None:
    first = await world.post(severity=severity)
    await world.end(first.session_id)
    world.now += WINDOW + 1
    second = await world.post(severity=severity)
    await world.end(second.session_id)
    for number in range(3):
        await world.post(f"{number}".encode())
    world.now += 5
    copy = await world.post(severity=severity)
    assert copy == Accepted(second.event_id, second.session_id, duplicate=True)
    assert second.session_id != first.session_id


async def test_one_changed_byte_in_the_body_is_another_event(world: World) -> None:
    first, second = await world.post(b"body"), await world.post(b"body ")
    assert (first.duplicate, second.duplicate) == (False, False)


async def test_equal_alerts_in_one_delivery_are_as_many_events(world: World) -> None:
    alert = Alert(severity="WARNING", stage="loading", message="slow")  # type: ignore[arg-type]
    answers = await world.intake.accept("native", [alert, alert], b"both")
    assert [answer.duplicate for answer in answers] == [False, False]
    answers = await world.intake.accept("native", [alert, alert], b"both")
    assert [answer.duplicate for answer in answers] == [True, True]


async def test_an_event_without_a_session_joins_the_open_one_of_its_stage(world: World) -> None:
    first = await world.post(b"1", stage="loading")
    other = await world.post(b"2", stage="indexing")
    second = await world.post(b"3", stage="loading", severity="CRITICAL")
    assert second.session_id == first.session_id != other.session_id


async def test_first_events_of_one_stage_at_the_same_time_find_each_others_session(
    world: World,
) -> None:
    """Case 32."""
    answers = await asyncio.gather(*(world.post(f"{n}".encode()) for n in range(3)))
    assert len({answer.session_id for answer in answers}) == 1
    assert len({item["session"] for item in world.inbox.items.values()}) == 1


@pytest.mark.parametrize("status", ["resolved", "escalated", "failed"])
async def test_an_event_after_the_session_ended_opens_a_new_one(world: World, status: str) -> None:
    first = await world.post(b"1")
    await world.end(first.session_id, status)
    assert (await world.post(b"2")).session_id != first.session_id


@pytest.mark.parametrize("status", ["running", "waiting_approval", "suspended"])
async def test_an_event_while_the_session_is_worked_on_joins_it(world: World, status: str) -> None:
    first = await world.post(b"1")
    await world.end(first.session_id, status)
    assert (await world.post(b"2")).session_id == first.session_id


async def test_a_tenant_never_joins_another_tenants_session(world: World) -> None:
    """Case 46."""
    first = await world.post(b"1", tenant_id="a")
    assert (await world.post(b"2", tenant_id="b")).session_id != first.session_id


async def test_a_chosen_session_is_respected_and_never_joined_by_a_derived_event(
    world: World,
) -> None:
    chosen = await world.post(b"1", session_id="mine")
    assert chosen.session_id == "mine"
    assert (await world.post(b"2")).session_id != "mine"
    await world.end("mine")
    assert (await world.post(b"3", session_id="mine")).session_id == "mine"


async def test_a_full_inbox_refuses_all_but_critical_which_has_a_reserve(world: World) -> None:
    """Case 87."""
    for number in range(3):
        await world.post(f"{number}".encode())
    for severity in ("WARNING", None):
        with pytest.raises(InboxFull):
            await world.post(b"one too many", severity=severity)
    for number in range(2):
        await world.post(f"critical {number}".encode(), severity="CRITICAL")
    with pytest.raises(InboxFull):
        await world.post(b"one too many", severity="CRITICAL")
    assert len(world.inbox.items) == len(await world.stored()) == 5


async def test_what_was_held_later_leaves_half_of_the_inbox_to_the_other_tenants(
    world: World,
) -> None:
    for number in range(3):
        await world.post(f"{number}".encode(), tenant_id="noisy")
    with pytest.raises(InboxFull):
        await world.post(b"of another")
    await world.holds.put("noisy", HoldCause.NO_PROGRESS, "two runs made no progress")
    for number in range(2):
        await world.post(f"quiet {number}".encode())
    with pytest.raises(InboxFull):
        await world.post(b"one too many")


async def test_the_alarm_of_a_frozen_tenant_is_never_refused_for_want_of_room(
    world: World,
) -> None:
    for number in range(3):
        await world.post(f"{number}".encode())
    for number in range(2):
        await world.post(f"critical {number}".encode(), severity="CRITICAL")
    alarm = {"severity": "CRITICAL", "stage": "observer", "session_id": "frozen"}
    await world.post(b"alarm", source="observer", **alarm)
    with pytest.raises(InboxFull):
        await world.post(b"not ours", **alarm)


async def test_a_held_tenant_leaves_room_and_its_alarm_finds_some(world: World) -> None:
    """Guarantee 7: a CRITICAL that begins all the same does not wait, so it takes no room."""
    for number in range(2):
        await world.post(f"{number}".encode())
    await world.holds.put("default", HoldCause.NO_PROGRESS, "two runs made no progress")
    with pytest.raises(InboxFull, match="is held"):
        await world.post(b"one too many")
    await world.post(b"frozen", severity="CRITICAL")
    await world.holds.put("default", HoldCause.PERSON, "paused by a person")
    with pytest.raises(InboxFull, match="is held"):
        await world.post(b"would wait", severity="CRITICAL")


async def test_a_full_inbox_still_recognises_what_it_has_and_acknowledges_an_info(
    world: World,
) -> None:
    first = await world.post(b"0", event_id="e-0")
    for number in (1, 2):
        await world.post(f"{number}".encode())
    assert await world.post(b"0", event_id="e-0") == Accepted("e-0", first.session_id, True)
    assert not (await world.post(b"info", severity="INFO")).duplicate


async def test_room_that_was_made_is_used_again(world: World) -> None:
    for number in range(3):
        accepted = await world.post(f"{number}".encode())
    with pytest.raises(InboxFull):
        await world.post(b"x")
    await world.end(accepted.session_id)
    assert not (await world.post(b"x")).duplicate


async def test_an_info_is_acknowledged_in_one_transaction_and_never_queued(world: World) -> None:
    """Case 87."""
    accepted = await world.post(severity="INFO")
    assert world.inbox.items == {}
    assert await world.stored() == [(accepted.session_id, "done")]
    assert await world.kinds() == ["event"]
    rows = await world.database.read(
        lambda c: [tuple(row) for row in c.execute("SELECT status, outcome FROM sessions")]
    )
    assert rows == [("acknowledged", "acknowledged")]


@pytest.mark.parametrize("state", [s for s in Lifecycle if s not in ("RUNNING", "SUSPENDED")])
async def test_an_observer_that_cannot_work_takes_nothing_and_says_why(
    world: World, state: Lifecycle
) -> None:
    """Case 86."""
    world.lifecycle.state, world.lifecycle.reason = state, "five failures"
    for severity in ("INFO", "CRITICAL"):
        with pytest.raises(ObserverUnavailable, match=f"{state}: five failures"):
            await world.post(severity=severity)
    assert await world.stored() == []


async def test_a_paused_observer_keeps_what_comes(world: World) -> None:
    world.lifecycle.state = Lifecycle.SUSPENDED
    assert not (await world.post()).duplicate


async def test_a_crash_between_queue_and_records_is_one_event_when_it_is_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 9."""

    async def die(*_: Any, **__: Any) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(world.sessions, "admit", die)
        with pytest.raises(KeyboardInterrupt):
            await world.post(event_id="e-1", session_id="mine")
    assert not (await world.post(event_id="e-1", session_id="mine")).duplicate
    assert list(world.inbox.items) == [digest("default", "native", "e-1")]
    assert await world.stored() == [("mine", "queued")]
