"""LangGraph Studio's server, started offline as a person starts it: `langgraph dev`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from graph.build import build_graph
from observer.services import Services
from tests.observer_process import APPROVAL, INFO, ROOT, START_LIMIT_S

pytestmark = pytest.mark.slow

DEV = (str(Path(sys.executable).with_name("langgraph")), "dev", "--no-browser", "--no-reload")
APPROVE = {"decisions": [{"type": "approve"}]}


class NoDoors:
    """Services for a graph that is only looked at."""

    def __getattr__(self, name: str) -> None:
        return None


@dataclass(frozen=True)
class Studio:
    """A running `langgraph dev`."""

    url: str
    pipeline: Path
    log: Path

    @property
    def client(self) -> SyncLangGraphClient:
        return get_sync_client(url=self.url)

    def drawing(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self.client.assistants.get_graph("observer"))

    def start_thread(self) -> str:
        return self.client.threads.create()["thread_id"]

    def run(self, thread: str, event: dict[str, Any]) -> dict[str, Any]:
        return self._state(self.client.runs.wait(thread, "observer", input={"event": event}))

    def resume(self, thread: str, answer: dict[str, Any]) -> dict[str, Any]:
        return self._state(self.client.runs.wait(thread, "observer", command={"resume": answer}))

    def _state(self, value: Any) -> dict[str, Any]:
        assert isinstance(value, dict), self.log.read_text()
        return value

    def history(self, thread: str) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self.client.threads.get_history(thread, limit=100))

    def done(self, tool: str) -> list[dict[str, Any]]:
        """What the lab's world was really made to do."""
        lines = (self.pipeline / "actions.jsonl").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line.get("action") == tool]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    # `langgraph dev` keeps its own files in the working directory: not in our work tree.
    folder = tmp_path_factory.mktemp("studio")
    for name in ("langgraph.json", "server.py", "graph", "nodes", "observer", "mcp_servers"):
        (folder / name).symlink_to(ROOT / name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*DEV, "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            env=offline_environment(folder / "var"),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        started = Studio(f"http://127.0.0.1:{port}", folder / "var" / "pipeline", log)
        wait_until_ok(started, process)
        yield started
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert "BlockingError" not in log.read_text()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def offline_environment(data_dir: Path) -> dict[str, str]:
    """Nothing of the developer's own settings, and no way out: the proxy is a closed port."""
    ours = ("OBSERVER", "OPENAI", "LANGSMITH", "LANGCHAIN", "LANGGRAPH")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    return {
        **kept,
        **nowhere,
        **{name.upper(): url for name, url in nowhere.items()},
        "no_proxy": "127.0.0.1,localhost",
        "NO_PROXY": "127.0.0.1,localhost",
        "LANGGRAPH_CLI_NO_ANALYTICS": "1",
        "LANGSMITH_TRACING": "false",
        "OBSERVER_CONFIG": str(ROOT / "config"),
        "OBSERVER_DATA_DIR": str(data_dir),
        "PYTHONUNBUFFERED": "1",
    }


def wait_until_ok(studio: Studio, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{studio.url}/ok", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
        if process.poll() is not None:
            break
    raise AssertionError(f"langgraph dev did not start:\n{studio.log.read_text()}")


def test_studio_draws_the_runbook(studio: Studio) -> None:
    drawn = build_graph(cast("Services", NoDoors())).get_graph().to_json()

    shown = studio.drawing()

    assert [node["id"] for node in shown["nodes"]] == [node["id"] for node in drawn["nodes"]]
    assert shown["edges"] == drawn["edges"]


def test_the_service_is_mounted_and_handles_its_own_events(studio: Studio) -> None:
    assert httpx.get(f"{studio.url}/health", timeout=30).status_code == 200

    answer = httpx.post(f"{studio.url}/alerts", json=APPROVAL, timeout=30)

    assert answer.status_code == 202, answer.text
    session = answer.json()["events"][0]["session_id"]
    status, deadline = "", time.monotonic() + 30
    while time.monotonic() < deadline:
        status = httpx.get(f"{studio.url}/sessions/{session}", timeout=30).json()["status"]
        if status == "waiting_approval":
            return
        time.sleep(0.1)
    raise AssertionError(f"{session} is {status}:\n{studio.log.read_text()}")


def test_a_person_approves_in_studio_and_reads_the_history(studio: Studio) -> None:
    thread = studio.start_thread()

    asked = studio.run(thread, APPROVAL)

    (question,) = studio.client.threads.get_state(thread)["interrupts"]
    assert [action["name"] for action in question["value"]["action_requests"]] == ["clear_queue"]
    assert question["value"]["review_configs"][0]["allowed_decisions"][0] == "approve"
    assert studio.done("clear_queue") == []
    assert asked["outcome"] is None

    ended = studio.resume(thread, APPROVE)

    assert ended["outcome"] == "resolved"
    assert ended["incident"] == asked["incident"]
    assert len(studio.done("clear_queue")) == 1
    approval = httpx.get(f"{studio.url}/approvals/{ended['remedy']['approval_id']}", timeout=30)
    assert approval.json()["status"] == "answered"
    history = studio.history(thread)
    assert len(history) > 8
    ran = {task["name"] for checkpoint in history for task in checkpoint["tasks"]}
    drawn = {node["id"] for node in studio.drawing()["nodes"]}
    assert ran == drawn - {"__end__"}


def test_an_info_event_ends_acknowledged_without_a_look(studio: Studio) -> None:
    ended = studio.run(studio.start_thread(), INFO)

    assert ended["outcome"] == "acknowledged"
    assert ended["observations"] == []
