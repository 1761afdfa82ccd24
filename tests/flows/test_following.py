"""A session is followed while it is worked on, and its checkpoints tell how it went."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from observer.records.followers import MOST_FOLLOWERS
from tests.crash.evidence import journal_lines
from tests.observer_process import APPROVAL, INFO, ObserverProcess

pytestmark = pytest.mark.slow

Sent = tuple[str, dict[str, Any]]


@contextmanager
def following(observer: ObserverProcess, session: str) -> Iterator[Iterator[Sent]]:
    """The events of the stream as they come, each with its data."""
    url = f"{observer.url}/sessions/{session}/stream"
    with httpx.stream("GET", url, timeout=60) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield sent(answer.iter_lines())


def sent(lines: Iterator[str]) -> Iterator[Sent]:
    event = ""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            event = value
        elif name == "data":
            yield event, json.loads(value)


def asking(observer: ObserverProcess, session: str) -> str:
    """A session that waits for a person."""
    observer.send({**APPROVAL, "session_id": session})
    observer.wait_for(session, "waiting_approval")
    return session


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObserverProcess]:
    with ObserverProcess(tmp_path_factory.mktemp("following") / "var") as observer:
        yield observer


def test_who_follows_sees_each_line_and_change_until_the_end(shared: ObserverProcess) -> None:
    observer, asked = shared, asking(shared, "followed")
    with following(observer, asked) as events:
        event, standing = next(events)
        assert (event, standing["status"]) == ("session", "waiting_approval")
        assert observer.answer(asked, {"type": "approve"}).status_code == 202
        told = list(events)
    assert told[-1] == ("end", {"status": "resolved"})
    statuses = [data["status"] for event, data in told if event == "session"]
    assert statuses[-1] == "resolved"
    lines = [data for event, data in told if event == "journal"]
    assert [line["what"] for line in lines if line["kind"] == "approval"][-2:] == [
        "answered",
        "applied",
    ]
    assert lines[-1]["kind"] == "outcome"
    kept = [line for line in journal_lines(observer.data_dir) if line["session_id"] == asked]
    assert lines == [
        {name: value for name, value in line.items() if name not in ("prev_hash", "hash")}
        for line in kept[-len(lines) :]
    ]

    with following(observer, asked) as events:
        assert [event for event, _ in events] == ["session", "end"]


def test_who_leaves_makes_room_for_another(shared: ObserverProcess) -> None:
    asked = asking(shared, "left")
    for _ in range(MOST_FOLLOWERS + 6):
        with following(shared, asked) as events:
            assert next(events)[0] == "session"


def test_a_follower_holds_up_no_stop(observer: ObserverProcess) -> None:
    asked = asking(observer, "stopped")
    with following(observer, asked) as events:
        next(events)
        assert observer.terminate() == 0
        assert all(event in ("journal", "session") for event, _ in events)
    assert "timeout graceful shutdown exceeded" not in observer.log


def test_the_history_is_its_steps_with_their_reasons_and_nothing_that_was_read(
    shared: ObserverProcess,
) -> None:
    observer, asked = shared, asking(shared, "looked-back-on")
    found = observer.get(f"/sessions/{asked}/history")
    assert (found["session_id"], found["tenant_id"]) == (asked, "default")
    checkpoints = found["checkpoints"]
    steps = [one["step"] for one in checkpoints]
    assert steps == sorted(steps, reverse=True)
    assert checkpoints[0]["next"] == ["seek_approval"]
    assert any("WARNING" in one["because"] for one in checkpoints)
    keys = {"checkpoint_id", "step", "next", "created_at", "because"}
    assert all(set(one) == keys for one in checkpoints)
    latest = observer.get(f"/sessions/{asked}/history?limit=1")["checkpoints"]
    assert latest == checkpoints[:1]

    session = observer.send({**INFO, "session_id": "nothing-was-done"})
    assert observer.get(f"/sessions/{session}/history")["checkpoints"] == []
    for path in ("history", "stream"):
        answer = httpx.get(f"{observer.url}/sessions/nobody/{path}", timeout=30)
        assert answer.status_code == 404
