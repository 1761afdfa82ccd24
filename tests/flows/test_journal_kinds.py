"""What the daemon journals of the lab's events and an approval: every kind of it, as documented."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.crash.evidence import journal_lines
from tests.docs.test_journal import COMMON, KINDS
from tests.observer_process import APPROVAL, CRITICAL, INFO, WARNING, ObserverProcess

pytestmark = pytest.mark.slow

PRODUCED = {
    "lifecycle",
    "event",
    "run",
    "classified",
    "decision",
    "ruling",
    "call",
    "observation",
    "notification",
    "approval",
    "outcome",
    "kill_switch",
    "hold",
    "learned",
}


def test_every_line_is_of_a_documented_kind_with_documented_fields(
    make_observer: Callable[..., ObserverProcess],
) -> None:
    """The lab's three events, a question with its answer, a pause, and the kill switch."""
    observer = make_observer(env={"OBSERVER_JOURNAL_KEY": "the key of this test's journal"}).start()
    ids = [observer.send({**e, "session_id": e["severity"]}) for e in (INFO, WARNING, CRITICAL)]
    asked = observer.send({**APPROVAL, "session_id": "asked"})
    observer.wait_for(asked, "waiting_approval")
    assert observer.answer(asked, {"type": "approve"}).status_code == 202
    for session in (*ids, asked):
        observer.wait_for(session)
    for command, order in (("pause", {}), ("unpause", {}), ("kill-switch", {"on": True})):
        assert observer.order(command, **order).status_code == 200
    assert observer.terminate() == 0

    lines = journal_lines(observer.data_dir)
    assert PRODUCED <= {line["kind"] for line in lines} <= set(KINDS)
    for line in lines:
        extra = set(line) - COMMON - {"key_id"} - KINDS[line["kind"]]
        assert not extra, (line["kind"], extra)
    assert "the key of this test's journal" not in observer.log

    _reads_as_a_story([line for line in lines if line["session_id"] == "asked"])
    (info,) = [line for line in lines if line["session_id"] == "INFO"]
    assert info["kind"] == "event"


def _reads_as_a_story(lines: list[dict[str, Any]]) -> None:
    kinds = [line["kind"] for line in lines]
    assert kinds[:3] == ["event", "run", "classified"]
    assert [line["what"] for line in lines if line["kind"] == "approval"] == [
        "asked",
        "answered",
        "applied",
    ]
    first, second = (line for line in lines if line["kind"] == "run")
    assert "checkpoint" not in first
    assert second["checkpoint"] and second["after_step"] > 0
    waiting, done = (line for line in lines if line["kind"] == "outcome")
    assert (waiting["run"], waiting["event"]) == ("waiting_approval", "waiting")
    assert (done["run"], done["event"], done["outcome"]) == ("done", "done", "resolved")
    ended = [li for li in lines if li["kind"] in ("observation", "notification")]
    for outcome in (waiting, done):
        of_run = [line for line in ended if line["trace_id"] == outcome["trace_id"]]
        assert outcome["tool_calls"] == len(of_run) > 0
    for place, line in enumerate(lines):
        if line["kind"] == "call":
            if line["purpose"] == "remedy":
                ruled = [before for before in lines[:place] if before["kind"] == "ruling"]
                assert [ruling["ruling"] for ruling in ruled] == ["ask", "approved"]
            after = [later["idempotency_key"] for later in lines[place + 1 :] if "result" in later]
            assert line["idempotency_key"] in after
