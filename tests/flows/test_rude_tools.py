"""Cases 26 and 27: whatever a tool server does on the wire, a call ends in its time and says so."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from observer.domain.calls import CallStatus
from observer.gateway.mcp_sessions import McpSessions
from observer.settings.schema import McpServer
from tests.doubles.rude_tools import WAYS
from tests.observer_process import ROOT, WARNING, ObserverProcess

pytestmark = pytest.mark.slow

LIMIT_S = 3.0
UNCLEAR = {CallStatus.TIMEOUT, CallStatus.UNKNOWN}
RUDE = [way for way in WAYS if way != "honest"]


@pytest_asyncio.fixture
async def sessions() -> AsyncIterator[McpSessions]:
    command = [sys.executable, str(ROOT / "tests" / "doubles" / "rude_tools.py")]
    opened = McpSessions({"rude": McpServer.model_validate({"command": command})}, "unused", {})
    opened.servers["rude"].settings = McpServer.model_validate(
        {"command": command, "timeout": f"{LIMIT_S:g}s"}
    )
    await opened.start()
    yield opened
    await opened.stop()


@pytest.mark.asyncio
@pytest.mark.parametrize("way", RUDE)
async def test_a_rude_answer_is_never_a_success_and_the_next_call_is_served(
    sessions: McpSessions, way: str
) -> None:
    """A write is unclear then, never done; the server is replaced where it no longer answers."""
    before = sessions.servers["rude"].restarts
    begin = time.monotonic()
    reply = await sessions.call(way, {"idempotency_key": "k"})
    took = time.monotonic() - begin

    assert reply.status in UNCLEAR
    assert len(reply.text) < 1000
    # A flood is read to its end before it is refused; all others end with the call's own limit.
    assert took < LIMIT_S + (20 if way == "floods" else 2)

    again = await sessions.call("honest", {"idempotency_key": "k2"})
    assert (again.status, again.text) == (CallStatus.SUCCESS, "done")
    # Whoever does not answer this call could answer it late: a new server takes its place.
    assert sessions.servers["rude"].restarts == before + 1


def test_an_error_of_a_tool_is_an_error_in_its_span(tmp_path: Path) -> None:
    """Case 27: `isError` is an answer like any other, and never a success."""
    with ObserverProcess(tmp_path / "var") as observer:
        observer.faults({"tools": {"get_recent_errors": {"mode": "error", "times": 1}}})
        session = observer.send(WARNING)
        observer.wait_for(session)
        assert observer.terminate() == 0
    lines = [
        json.loads(line)
        for file in (observer.data_dir / "spans").glob("*.jsonl")
        for line in file.read_text().splitlines()
    ]
    asked = [line for line in lines if line.get("tool_name") == "get_recent_errors"]
    assert [span["result_status"] for span in asked] == ["error"]
    made = [line for line in lines if line["span_kind"] == "tool_call" and line not in asked]
    assert {span["result_status"] for span in made} == {"success"}
