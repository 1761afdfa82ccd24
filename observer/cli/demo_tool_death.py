"""The tool server is killed while nothing runs and in the middle of a call; nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from observer.cli.demo_daemon import HOST, DaemonFailed
from observer.cli.demo_stage import POLL_EVERY, Scenario, Stage

TOOL = "create_incident"
SERVER = "pipeline_tools"
PATIENCE = 30.0
RECEIVED = "alarms_received.jsonl"


def play(stage: Stage) -> None:
    """Kill it between two events, then in a call; each time it is back and people are told."""
    stage.keep(stage.follow(stage.send("warning")))

    stage.say()
    stage.say("Nothing runs. $ kill -9 the tool server")
    killed = [kill_tool_server(stage)]
    wait_for(stage, lambda: told(stage) == ["firing", "over"], "the alarm and its end")
    stage.check(
        'killed between two events: "tool server down" and "over" are told',
        told(stage) == ["firing", "over"],
        told(stage),
    )

    pipeline = stage.data_dir / "pipeline"
    write(pipeline / "faults.json", {"tools": {TOOL: {"mode": "hang", "times": 1}}})
    session_id = stage.send("critical")
    wait_for(stage, (pipeline / "faults_fired.json").exists, f"{TOOL} hangs in its call")
    stage.say(f"  {TOOL} is under way. $ kill -9 the tool server")
    killed.append(kill_tool_server(stage))
    session = stage.follow(session_id)
    stage.keep(session)
    wait_for(stage, lambda: told(stage) == ["firing", "over"] * 2, "the second alarm and its end")
    stage.check(
        "killed in the middle of a call: the same is told once more",
        told(stage) == ["firing", "over"] * 2,
        told(stage),
    )

    stage.show_world("incidents", "alerts")
    stage.say()
    running = tool_server(stage)
    stage.check("two servers died and a third one serves", running not in {None, *killed}, running)
    ended = [kept["status"] for kept in stage.sessions]
    stage.check("both sessions end as handled", set(ended) <= {"resolved", "escalated"}, ended)
    severities = [incident.get("severity") for incident in stage.world("incidents") or []]
    stage.check(
        "exactly two incidents: WARNING, then CRITICAL",
        severities == ["WARNING", "CRITICAL"],
        severities,
    )
    channels = [
        (alert.get("type"), alert.get("channel") or alert.get("service"))
        for alert in stage.world("alerts") or []
    ]
    stage.check(
        "each of the three alerts exactly once",
        channels
        == [("slack", "#data-pipeline"), ("pagerduty", "data-platform"), ("slack", "#incidents")],
        channels,
    )


def told(stage: Stage) -> list[str]:
    """What the alarm channel was told of the tool server, in order."""
    alarms = received(stage.data_dir)
    return [alarm["state"] for alarm in alarms if alarm["kind"] == "tool_server"]


def received(data_dir: Path) -> list[dict[str, Any]]:
    lines = (data_dir / RECEIVED).read_text().splitlines()
    return [json.loads(line) for line in lines]


def kill_tool_server(stage: Stage) -> int:
    pid = wait_for(stage, lambda: tool_server(stage), "a tool server")
    os.kill(pid, signal.SIGKILL)
    return pid


def tool_server(stage: Stage) -> int | None:
    """The process id of the daemon's tool server; None while there is none."""
    daemon = stage.daemon.process
    if daemon is None:
        return None
    for children in Path(f"/proc/{daemon.pid}/task").glob("*/children"):
        for child in read(children).split():
            if SERVER in read(Path(f"/proc/{child}/cmdline")):
                return int(child)
    return None


def read(path: Path) -> str:
    """What a process says of itself; nothing once it is gone."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value))


def wait_for(stage: Stage, found: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (result := found()):
        if time.monotonic() > deadline:
            raise DaemonFailed(f"Not within {PATIENCE:.0f} s: {what}.")
        time.sleep(POLL_EVERY)
    return result


@contextmanager
def alarm_receiver(data_dir: Path, config: Path) -> Iterator[Mapping[str, str]]:
    """Who is told of alarms: a server on loopback that writes down each one."""
    file = data_dir / RECEIVED
    file.touch(0o600)

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with file.open("ab") as output:
                output.write(body + b"\n")
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: what came is in the file."""

    with ThreadingHTTPServer((HOST, 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
        thread.start()
        try:
            yield {
                "OBSERVER_ALARM_WEBHOOK": f"http://{HOST}:{server.server_port}/alarms",
                "OBSERVER__WATCH__ALARMS": '{"webhook_url_env": "OBSERVER_ALARM_WEBHOOK"}',
            }
        finally:
            server.shutdown()
            thread.join()


TOOL_DEATH = Scenario(play, setting=alarm_receiver)
