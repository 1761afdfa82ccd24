"""container_restart and container_exec: by the argument lists of `platform.containers`."""

import hashlib
import json
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from mcp_servers.actions.contract import Action, Failed, OfNode, Refused, World
from mcp_servers.backends.action_records import Record
from mcp_servers.backends.programs import CannotRun, Ran, run
from mcp_servers.masking import Mask
from mcp_servers.platform_results import ContainerRestarted, Executed

_MOST_OUTPUT = 16_000
_SHELLS = {"sh", "bash", "dash", "ash", "zsh", "ksh", "csh", "tcsh", "fish", "busybox"}
_PROGRAM = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./+-]*")
_ERROR_REPLY = re.compile(
    r"\(error\)|(-?ERR|NOAUTH|WRONGPASS|NOPERM|WRONGTYPE|MISCONF|READONLY|OOM|LOADING|BUSY(KEY|GROUP)?"
    r"|NOSCRIPT|NOTBUSY|UNKILLABLE|EXECABORT|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|CROSSSLOT|NOGROUP"
    r"|MOVED|ASK|TRYAGAIN)(\s|:|$)"
)


def said_error(ran: Ran) -> str | None:
    """The reply that is an error although its program ended with 0, as redis-cli's are."""
    for text in (ran.out, ran.err):
        first = next((line.strip() for line in text.splitlines() if line.strip()), "")
        if _ERROR_REPLY.match(first):
            return first[:300]
    return None


async def _carried_out(argv: list[str], what: str, mask: Mask) -> Ran:
    try:
        ran = await run(argv)
    except CannotRun as error:
        raise Failed(str(error)) from error
    # Whole, before anything of it is cut.
    ran = replace(ran, out=mask.text(ran.out), err=mask.text(ran.err))
    if ran.code != 0:
        raise Failed(f"{what} ended with {ran.code}: {ran.words}")
    if (words := said_error(ran)) is not None:
        raise Failed(f"{what} ended with 0 and said: {words}")
    return ran


@dataclass(frozen=True)
class RestartContainer(OfNode[ContainerRestarted]):
    tool = "container_restart"
    answer = ContainerRestarted

    async def before(self) -> dict[str, Any]:
        self._command()
        return {}

    async def carry_out(self, record: Record) -> ContainerRestarted:
        container, argv = self._command()
        await _carried_out(argv, f"the restart of container {container}", self.world.mask)
        return ContainerRestarted(
            node=self.node, container=container, result=f"container {container} was restarted"
        )

    def _command(self) -> tuple[str, list[str]]:
        container = self.world.node(self.node).container
        if container is None:
            raise Refused(f"{self.node} has no container")
        told = self.world.sections.platform.containers.get(container)
        if told is None or told.restart is None:
            raise Refused(f"platform.containers has no restart for {container}")
        return container, told.restart


@dataclass(frozen=True)
class Execute(Action[Executed]):
    tool = "container_exec"
    answer = Executed

    world: World
    container: str
    argv: tuple[str, ...]

    @property
    def target(self) -> str:
        return f"container {self.container}"

    @property
    def args(self) -> dict[str, Any]:
        """Words may hold a password, so their digest is kept."""
        digest = hashlib.sha256(json.dumps(self.argv).encode()).hexdigest()
        return {"container": self.container, "argv": digest}

    async def before(self) -> dict[str, Any]:
        self._command()
        return {}

    async def carry_out(self, record: Record) -> Executed:
        program = self.argv[0]
        what = f"{program} in {self.container}"
        ran = await _carried_out(self._command(), what, self.world.mask)
        return Executed(
            container=self.container,
            output=ran.out[:_MOST_OUTPUT],
            truncated=ran.truncated or len(ran.out) > _MOST_OUTPUT,
            result=f"{what} ended with 0",
        )

    def _command(self) -> list[str]:
        told = self.world.sections.platform.containers.get(self.container)
        if told is None:
            raise Refused(f"{self.container!r} is not in platform.containers")
        for name, node in self.world.sections.nodes.items():
            if node.container == self.container and node.type == "external":
                raise Refused(f"{name} is external: it is watched and reported, never acted on")
        program = self.argv[0]
        if not _PROGRAM.fullmatch(program):
            raise Refused(f"{program[:60]!r} is no name of a program")
        if PurePosixPath(program).name in _SHELLS:
            raise Refused(f"{program} is a shell: write the command's own words")
        # ssh hands its words to a shell over there, in which each must stay one word.
        over_ssh = any(PurePosixPath(word).name == "ssh" for word in told.argv)
        return [*told.argv, *(map(shlex.quote, self.argv) if over_ssh else self.argv)]
