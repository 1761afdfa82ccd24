"""The real tool server, which kills the daemon around one call, on order of a file.

`DIR/doom.json`: `{"tool": name, "when": "before" | "midway" | "after" | "orphan", "skip": n}`. The
order is taken (the file goes) before it strikes, so a restarted daemon lives. `midway` is when the
action is logged and its change has not reached the pipeline's files. `orphan` outlives the daemon
it killed and has the effect late, once `DIR/doom.release` appears.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mcp_servers.backends.action_folder import ActionFolder
from mcp_servers.backends.json_files import JsonFilesPipeline
from mcp_servers.pipeline_tools import build_server

DAEMON = os.getppid()
ORPHAN_LIMIT_S = 60.0
METHODS = {
    "check_pipeline_health": "health",
    "get_stage_metrics": "stage_metrics",
    "get_recent_errors": "recent_errors",
    "find_action": "find_action",
    "restart_stage": "restart_stage",
    "retry_failed_jobs": "retry_failed_jobs",
    "clear_queue": "clear_queue",
    "create_incident": "create_incident",
    "send_slack_alert": "send_slack_alert",
    "page_oncall": "page_oncall",
}


def take_order(folder: Path, tool: str) -> str | None:
    """When to kill in this call, if this is the ordered one; the order is used up by that."""
    file = folder / "doom.json"
    try:
        order = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    if order["tool"] != tool:
        return None
    if order.get("skip", 0):
        order["skip"] -= 1
        file.write_text(json.dumps(order))
        return None
    file.unlink()
    return order["when"]


def dying(folder: Path, tool: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """The tool's work, and the daemon's death before, in or after it."""

    def work_or_die(*args: Any, **kwargs: Any) -> Any:
        match take_order(folder, tool):
            case None:
                return work(*args, **kwargs)
            case "before":
                die_together()
            case "midway":
                ActionFolder._apply = lambda *_: die_together()
            case "orphan":
                (folder / "doom.orphan").write_text(str(os.getpid()))
                kill_daemon()
                wait_for(folder / "doom.release")
        work(*args, **kwargs)
        die_together()

    return work_or_die


def kill_daemon() -> None:
    """Kill the daemon; somebody else's process, where it is dead already, is left alone."""
    if os.getppid() == DAEMON:
        os.kill(DAEMON, signal.SIGKILL)


def die_together() -> None:
    """Kill the daemon and end at once."""
    kill_daemon()
    os._exit(1)


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + ORPHAN_LIMIT_S
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path, required=True)
    folder = parser.parse_args().data_dir
    pipeline = JsonFilesPipeline(folder)
    for tool, method in METHODS.items():
        setattr(pipeline, method, dying(folder, tool, getattr(pipeline, method)))
    build_server(pipeline).run("stdio")


if __name__ == "__main__":
    main()
