"""What the tests of the platform tools say again and again."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.shared.memory import create_connected_server_and_client_session

from mcp_servers.platform_tools import build_server
from mcp_servers.sections import Sections
from tests.observer_process import ROOT
from tests.stack.supervisord import Supervisord
from tests.telemetry.scenes import Asker

STUBBORN = """
[program:stubborn]
command=/bin/sh -c "trap '' TERM; while true; do sleep 0.1; done"
startsecs=0
stopwaitsecs=2
stopasgroup=false
killasgroup=true
"""


class Restartable(Supervisord):
    """Also with a process that does not end when it is asked to."""

    def command(self) -> list[str]:
        command = super().command()
        with Path(command[-1]).open("a") as config:
            config.write(STUBBORN)
        return command

    def pid(self, process: str) -> int:
        """The process that runs there now."""
        return self.rpc.getProcessInfo(process)["pid"]

    def state(self, process: str) -> str:
        """What supervisord calls its state."""
        return self.rpc.getProcessInfo(process)["statename"]


def process_node(process: str, group: str | None = "pipeline") -> dict[str, Any]:
    """A node that supervisord runs."""
    node = {"type": "process", "supervisor_process": process}
    return node if group is None else {**node, "supervisor_group": group}


@asynccontextmanager
async def platform(folder: Path, nodes: dict[str, Any], **platform: Any) -> AsyncIterator[Asker]:
    """The server in this process, told these sections."""
    sections = Sections.model_validate({"platform": platform, "nodes": nodes})
    server = build_server(sections, folder)
    async with create_connected_server_and_client_session(server) as session:
        yield Asker(session)


@asynccontextmanager
async def over_stdio(folder: Path, nodes: dict[str, Any], **platform: Any) -> AsyncIterator[Asker]:
    """The server as a process of its own; its pid is in the folder's `pid`."""
    run = "import os, sys, runpy, pathlib; pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))"
    run += "; sys.argv = ['platform_tools', '--data-dir', sys.argv[2]]"
    run += "; runpy.run_module('mcp_servers.platform_tools', run_name='__main__')"
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-c", run, str(folder / "pid"), str(folder / "platform")],
        cwd=ROOT,
        env={"OBSERVER_SECTIONS": json.dumps({"platform": platform, "nodes": nodes})},
    )
    with (folder / "stderr").open("a") as log:
        async with stdio_client(parameters, log) as streams, ClientSession(*streams) as session:
            await session.initialize()
            yield Asker(session)


def crash_before_record(folder: Path, **before: Any) -> None:
    """Leave the records as a kill after an intent leaves them, which saw the world so."""
    for path in (folder / "actions").glob("*.json"):
        record = json.loads(path.read_text())
        record.pop("result", None)
        record.pop("failure", None)
        record["before"] |= before
        path.write_text(json.dumps(record))


def script(path: Path, text: str) -> str:
    """A program of these lines of Python, as a double of one that stands outside."""
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def runs(pid: int) -> bool:
    """Whether a process is there and has not ended, although nobody may have asked how."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
