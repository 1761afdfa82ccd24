"""Real parts by configuration alone: a daemon that reads Prometheus, log files and Redis."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.flows.configs import QUICK_CHECK, edited_config
from tests.flows.scenes import another, handle, journal_line, rows, tools
from tests.observer_process import CRITICAL, ObserverProcess
from tests.stack.part import wait_until
from tests.stack.prometheus import Prometheus
from tests.stack.redis_server import RedisServer

pytestmark = pytest.mark.slow

CANARY = "canary-that-stays-with-the-daemon"
LINE = "ERROR Redis connection pool exhausted, retrying in 5s"
CAUSE = "Too many clients hold connections"
CLIENTS = re.compile(r"^redis_connected_clients (\S+)", re.M)
READINGS = """\
    - - {tool: query_metrics, args: {query: 'clients_of{stage="{stage}"}'}}
      - {tool: query_metrics, args: {query: redis_connected_clients}}
      - {tool: query_logs, args: {container: "{stage}", contains: ERROR}}
      - {tool: check_health, args: {method: redis_ping, parameters: {redis: redis_instance}}}
"""
ROWS = """\
actions:
  query_metrics: {level: full, blast_radius: 1}
  query_logs: {level: full, blast_radius: 1}
  check_health: {level: full, blast_radius: 1}
"""
KNOWN = """\
errors:
  - id: ke-pool
    signature:
      log_pattern: "Redis connection pool exhausted"
      node: loading
      metric_condition: "redis_connected_clients > 280"
    root_cause: Too many clients hold connections
    fix:
      type: automated
      steps:
        - {action: restart_stage, args: {reason: "pool exhausted (ke-pool)"}}
        - {action: verify, check: "error_rate_pct < 1", timeout: 2s}
    severity: high
"""
METRICS = 'redis_connected_clients 298\nclients_of{stage="loading"} 290\n'


class Stack:
    """The real parts, and a daemon that is told where they are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prometheus = Prometheus(folder / "prometheus", METRICS)
        self.redis = RedisServer(folder / "redis")
        self.logs = folder / "logs"
        self.logs.mkdir()

    def config(self) -> Path:
        told = {
            "telemetry": {
                "prometheus": {"url": self.prometheus.url},
                "log_files": {"pattern": str(self.logs / "{container}.log")},
            },
            "platform": {"redis": {"redis_instance": {"url": self.redis.url}}},
        }
        server = (
            "mcp_servers:\n  telemetry:\n"
            "    command: [python, -m, mcp_servers.telemetry_tools]\n"
            "    sections: [telemetry, platform]\n"
        )
        old = "    - - {tool: check_pipeline_health}\n"
        return edited_config(
            self.folder / "config",
            {
                "observer.yaml": {"mcp_servers:\n": yaml.safe_dump(told) + server},
                "runbook.yaml": {old: READINGS + old} | QUICK_CHECK["runbook.yaml"],
                "autonomy.yaml": {"actions:\n": ROWS},
                "known_errors.yaml": {"errors:\n": KNOWN},
            },
        )

    def says(self, metrics: str, *, age_s: float = 1.0) -> None:
        """What the parts show from now on; the log's one error is so old."""
        self.prometheus.metrics = metrics
        at = datetime.fromtimestamp(time.time() - age_s, UTC).isoformat()
        (self.logs / "loading.log").write_text(f"{at} {LINE}\n")
        query, seen = "redis_connected_clients", CLIENTS.search(metrics)
        wait_until(
            lambda: (
                [r["value"][1] for r in self.prometheus.ask(query)] == [seen[1]]
                if seen
                else not self.prometheus.ask(query)
            ),
            "the metrics are scraped",
        )


@dataclass(frozen=True)
class Scene:
    """The real parts, and the daemon beside them."""

    stack: Stack
    observer: ObserverProcess


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    stack = Stack(tmp_path_factory.mktemp("telemetry"))
    env = {"SOME_SECRET": CANARY, "OBSERVER__QUEUE__POLLING_INTERVAL": "100ms"}
    with (
        stack.prometheus,
        stack.redis,
        ObserverProcess(stack.folder / "var", config=stack.config(), env=env) as observer,
    ):
        yield Scene(stack, observer)


def test_an_event_is_handled_with_readings_of_the_real_parts(scene: Scene) -> None:
    """The known error matches by the real log and the real metric; no code was written for it."""
    scene.stack.says(METRICS)
    session = handle(scene.observer, another(CRITICAL))
    answers = observed(scene.observer, session["session_id"])

    assert session["status"] == "resolved"
    assert {"query_logs", "check_health", "restart_stage"} <= set(tools(session))
    values = [answer["values"] for answer in answers["query_metrics"]]
    assert {v.get("redis_connected_clients") for v in values} == {298.0, None}
    assert {v.get("clients_of") for v in values} == {290.0, None}
    [log] = answers["query_logs"]
    assert [line["message"].partition(" ")[2] for line in log["lines"]] == [LINE]
    [health] = answers["check_health"]
    assert health["status"] == "healthy" and health["values"]["maxclients"] == 8
    assert CAUSE in json.dumps(session["report"])


FAULTS = {
    "absent": "redis_connected_clients was not observed",
    "nan": "redis_connected_clients was not observed",
    "old_line": "ke-pool: no recent line of loading matches",
    "prometheus_down": "redis_connected_clients was not observed",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_read_matches_no_known_error(scene: Scene, fault: str) -> None:
    """Cases 28 and 88: the fix that needs the metric and a recent line is not chosen without."""
    match fault:
        case "absent":
            scene.stack.says("other 1\n")
        case "nan":
            scene.stack.says("redis_connected_clients NaN\n")
        case "old_line":
            scene.stack.says(METRICS, age_s=3600)
        case "prometheus_down":
            scene.stack.says(METRICS)
            scene.stack.prometheus.stop()
    session = handle(scene.observer, another(CRITICAL))
    line = journal_line(
        scene.observer, session["session_id"], lambda said: "ke-pool" in json.dumps(said)
    )

    assert FAULTS[fault] in json.dumps(line)
    said = session["report"].splitlines()
    assert not any(CAUSE in fact for fact in said if not fact.startswith("Similar: "))


def test_a_tool_server_is_told_its_sections_and_nothing_else_and_keeps_them(scene: Scene) -> None:
    """Case 48: the daemon's environment stays with it, and the password with the server."""
    environment = child_environment(scene.observer, b"telemetry_tools")
    scene.observer.terminate()
    files = [path for path in scene.observer.data_dir.rglob("*") if path.is_file()]
    written = b"".join(path.read_bytes() for path in files)

    assert not {"SOME_SECRET", "OBSERVER__QUEUE__POLLING_INTERVAL"} & set(environment)
    assert set(json.loads(environment["OBSERVER_SECTIONS"])) == {"telemetry", "platform"}
    assert b"maxclients" in written
    assert scene.stack.redis.password.encode() not in written
    assert scene.stack.redis.password not in scene.observer.log


def observed(observer: ObserverProcess, session_id: str) -> dict[str, list[dict[str, Any]]]:
    """The answers of a session's calls, by tool."""
    found: dict[str, list[dict[str, Any]]] = {}
    for tool, payload in rows(
        observer.data_dir / "observer.db",
        "SELECT tool_name, payload FROM state_transitions WHERE session_id = ? ORDER BY id",
        session_id,
    ):
        found.setdefault(tool, []).append(json.loads(payload) if payload else {})
    return found


def child_environment(observer: ObserverProcess, program: bytes) -> dict[str, str]:
    """What one of the daemon's tool servers finds in its environment."""
    assert observer.process is not None
    children = Path(f"/proc/{observer.process.pid}/task").glob("*/children")
    for child in " ".join(path.read_text() for path in children).split():
        if program in Path(f"/proc/{child}/cmdline").read_bytes():
            pairs = Path(f"/proc/{child}/environ").read_bytes().decode().split("\0")
            return dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    raise AssertionError(f"the daemon runs no {program!r}")
