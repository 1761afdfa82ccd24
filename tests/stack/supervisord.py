"""A real supervisord over TCP and a unix socket, with processes in several states."""

from __future__ import annotations

import shutil
import sys
import tempfile
import xmlrpc.client
from pathlib import Path
from typing import Any

from tests.stack.part import Part, takes_connections, wait_until

PASSWORD = "tiger/lily 77"
QUOTED = "tiger%2Flily%2077"

CONFIG = """
[supervisord]
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
[inet_http_server]
port=127.0.0.1:{port}
username=observer
password={password}
[unix_http_server]
file={socket}
username=observer
password={password}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
{programs}"""

IN_SEVERAL_STATES = """
[program:worker]
command=sleep 3600
startsecs=0
[program:broken]
command=false
startsecs=1
startretries=0
[program:slow]
command=sleep 3600
startsecs=3600
[program:parked]
command=sleep 3600
autostart=false
[group:pipeline]
programs=worker,broken,slow,parked
"""


class Supervisord(Part):
    name = "supervisord"

    def __init__(self, folder: Path, programs: str = IN_SEVERAL_STATES) -> None:
        super().__init__(folder)
        self._programs = programs
        # The path of a unix socket has at most about a hundred characters.
        self._short = Path(tempfile.mkdtemp(prefix="sv"))
        self.socket = self._short / "s.sock"

    @property
    def url(self) -> str:
        return f"http://observer:{QUOTED}@127.0.0.1:{self.port}/RPC2"

    @property
    def socket_url(self) -> str:
        return f"unix://observer:{QUOTED}@{self.socket}"

    def command(self) -> list[str]:
        config = self.folder / "supervisord.conf"
        config.write_text(
            CONFIG.format(
                folder=self.folder,
                port=self.port,
                socket=self.socket,
                password=PASSWORD,
                programs=self._programs,
            )
        )
        return [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(config)]

    def ready(self) -> bool:
        return takes_connections(self.port) and self.socket.exists()

    def start(self) -> Supervisord:
        """Start it, and wait until the program that is broken was given up."""
        super().start()
        if self._programs is IN_SEVERAL_STATES:
            wait_until(lambda: self.state("pipeline:broken") == "FATAL", "a program is given up")
        return self

    def state(self, process: str) -> str:
        """A process' state, as `group:name`."""
        return self.rpc.getProcessInfo(process)["statename"]

    @property
    def rpc(self) -> Any:
        """Its own interface."""
        return xmlrpc.client.ServerProxy(self.url).supervisor

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self._short, ignore_errors=True)
