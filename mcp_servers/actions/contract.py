"""What every action has: checks, one effect, and a look that tells whether it happened."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel

from mcp_servers.backends.action_records import Record, Replaced
from mcp_servers.masking import Mask
from mcp_servers.sections import Node, RedisServer, Sections

R = TypeVar("R", bound=BaseModel)


class Refused(Exception):
    """Nothing was done, and will not be: says what is wrong with the request."""


class Failed(Exception):
    """It was tried and did not work, or the other end said no."""


class CannotTell(Exception):
    """Whether it was done can't be seen."""


def unseen(tool: str, target: str) -> CannotTell:
    """What is said of an effect that leaves no trace."""
    return CannotTell(f"whether {tool} on {target} was done can't be seen")


@dataclass(frozen=True)
class World:
    """What the server was told, what it must not say, and what it remembers of settings."""

    sections: Sections
    mask: Mask
    replaced: Replaced

    def node(self, name: str) -> Node:
        """A node that something may be done about.

        Raises:
            Refused: the server was told of none of this name, or it is not ours.
        """
        node = self.sections.nodes.get(name)
        if node is None:
            raise Refused(f"the dependency tree has no node {name!r} that can be acted on")
        if node.type == "external":
            raise Refused(f"{name} is external: it is watched and reported, never acted on")
        return node

    def redis(self, name: str) -> RedisServer:
        """A node's Redis.

        Raises:
            Refused: as in `node`, or it is no Redis of platform.redis.
        """
        self.node(name)
        server = self.sections.platform.redis.get(name)
        if server is None:
            raise Refused(f"{name} is not in platform.redis")
        return server


class Action(ABC, Generic[R]):
    """One effect on one target. Its `args` are what makes it this action and no other."""

    tool: ClassVar[str]
    limit_s: ClassVar[float] = 18.0
    """For the whole action."""

    answer: type[R]
    world: World

    @property
    @abstractmethod
    def target(self) -> str:
        """What it acts on; two actions on one target never run at once."""

    @property
    @abstractmethod
    def args(self) -> dict[str, Any]:
        """What is written down of it; for an action of `VISIBLE`, what it is made of again."""

    @abstractmethod
    async def before(self) -> dict[str, Any]:
        """What the world looks like, for the intent; asked before each try.

        Raises:
            Refused: it may not be done.
            Failed: the other end does not even say.
        """

    @abstractmethod
    async def carry_out(self, record: Record) -> R:
        """Have the effect.

        Raises:
            Failed: it did not work.
        """

    async def seen(self, record: Record) -> R | None:
        """What it led to, if an earlier try had the effect; None where it may be tried again.

        Raises:
            CannotTell: neither can be said.
        """
        raise unseen(self.tool, self.target)


_POINTER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@/+-]*")


def pointer(name: str, value: str) -> str:
    """A name of the tree that becomes a word of a command.

    Raises:
        Refused: it could be read as something else.
    """
    if not _POINTER.fullmatch(value):
        raise Refused(f"{name} {value[:60]!r} is no name of one")
    return value


@dataclass(frozen=True)
class OfNode(Action[R]):
    """An effect that only the name of its node makes this one and no other."""

    world: World
    node: str

    @property
    def target(self) -> str:
        return self.node

    @property
    def args(self) -> dict[str, Any]:
        return {"node": self.node}
