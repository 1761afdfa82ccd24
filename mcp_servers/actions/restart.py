"""restart_process: one process of supervisord, or one unit of systemd."""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from mcp_servers.actions.contract import CannotTell, Failed, OfNode, Refused, pointer
from mcp_servers.backends.action_records import Record
from mcp_servers.backends.programs import CannotRun, run
from mcp_servers.backends.supervisor_rpc import Rejected, SupervisorRpc
from mcp_servers.backends.trouble import SourceTrouble
from mcp_servers.platform_results import ProcessRestarted
from mcp_servers.sections import Node

_LOOK_AGAIN_S = 0.1
_SETTLES_WITHIN_S = 5.0
_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "MainPID",
    "InvocationID",
    "ActiveEnterTimestampMonotonic",
)


@dataclass(frozen=True)
class Seen:
    """A process as it is now. `start` differs after each start, and only then."""

    start: list[str]
    state: str
    pid: int
    runs: bool
    changing: bool


class Runner(ABC):
    """Who starts and stops the process."""

    name: str

    @abstractmethod
    async def look(self) -> Seen:
        """The process now."""

    async def settled(self) -> Seen:
        """The process once it neither starts nor stops."""
        while True:
            now = await self.look()
            if not now.changing:
                return now
            await asyncio.sleep(_LOOK_AGAIN_S)

    @abstractmethod
    async def restart(self) -> None:
        """Stop it where it runs, and start it.

        Raises:
            Failed: it can't be.
        """


class Supervised(Runner):
    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self._rpc = SupervisorRpc(url)

    async def look(self) -> Seen:
        info = await self._rpc.process_info(self.name)
        return Seen(
            start=[str(info.start), str(info.pid)],
            state=info.statename + (f" ({info.spawnerr[:200]})" if info.spawnerr else ""),
            pid=info.pid,
            runs=info.statename == "RUNNING",
            changing=info.statename in ("STARTING", "STOPPING", "BACKOFF"),
        )

    async def restart(self) -> None:
        try:
            await self._rpc.stop(self.name)
            # supervisord kills what does not end within its stopwaitsecs.
            await self.settled()
            await self._rpc.start(self.name)
        except Rejected as error:
            raise Failed(str(error)) from error


class Unit(Runner):
    def __init__(self, systemctl: list[str], name: str) -> None:
        self.name = name
        self._systemctl = systemctl

    async def look(self) -> Seen:
        shown = f"--property={','.join(_PROPERTIES)}"
        try:
            ran = await run([*self._systemctl, "show", shown, "--", self.name])
        except CannotRun as error:
            raise SourceTrouble(str(error)) from error
        said: dict[str, str] = {}
        for line in ran.out.splitlines():
            name, _, value = line.partition("=")
            said[name] = value
        if ran.code != 0 or "ActiveState" not in said:
            raise SourceTrouble(f"systemctl show {self.name} ended with {ran.code}: {ran.words}")
        if said.get("LoadState") == "not-found":
            raise SourceTrouble(f"systemd knows no unit {self.name}")
        state = said["ActiveState"]
        return Seen(
            start=[said.get("InvocationID", ""), said.get("ActiveEnterTimestampMonotonic", "")],
            state=state,
            pid=int(said.get("MainPID") or 0),
            runs=state == "active",
            changing=state in ("activating", "deactivating", "reloading"),
        )

    async def restart(self) -> None:
        try:
            ran = await run([*self._systemctl, "restart", "--", self.name])
        except CannotRun as error:
            raise Failed(str(error)) from error
        if ran.code != 0:
            raise Failed(f"systemctl restart {self.name} ended with {ran.code}: {ran.words}")


@dataclass(frozen=True)
class RestartProcess(OfNode[ProcessRestarted]):
    tool = "restart_process"
    answer = ProcessRestarted

    async def before(self) -> dict[str, Any]:
        return {"start": (await self._runner().look()).start}

    async def carry_out(self, record: Record) -> ProcessRestarted:
        runner = self._runner()
        await runner.restart()
        now = await runner.settled()
        if not now.runs or now.start == record.before["start"]:
            raise Failed(f"{runner.name} was restarted and is {now.state}")
        return self._restarted(runner, now)

    async def seen(self, record: Record) -> ProcessRestarted | None:
        runner = self._runner()
        try:
            async with asyncio.timeout(_SETTLES_WITHIN_S):
                now = await runner.settled()
        except TimeoutError:
            raise CannotTell(f"{runner.name} neither came up nor went down") from None
        if now.runs and now.start != record.before["start"]:
            return self._restarted(runner, now)
        return None

    def _restarted(self, runner: Runner, now: Seen) -> ProcessRestarted:
        return ProcessRestarted(
            node=self.node,
            process=runner.name,
            state=now.state,
            pid=now.pid,
            result=f"{runner.name} was restarted and is {now.state}",
        )

    def _runner(self) -> Runner:
        node, platform = self.world.node(self.node), self.world.sections.platform
        if node.supervisor_process is not None and platform.supervisor is not None:
            return Supervised(platform.supervisor.url, _process(node, node.supervisor_process))
        if node.systemd_unit is not None:
            return Unit(platform.systemd.argv, pointer("systemd_unit", node.systemd_unit))
        if node.supervisor_process is not None:
            raise Refused(f"{self.node} is run by a supervisor, and platform.supervisor is not set")
        raise Refused(f"{self.node} has neither a supervisor_process nor a systemd_unit")


def _process(node: Node, process: str) -> str:
    name = pointer("supervisor_process", process)
    if node.supervisor_group is None:
        return name
    return f"{pointer('supervisor_group', node.supervisor_group)}:{name}"
