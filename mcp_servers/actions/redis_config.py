"""redis_config_set: one setting of a running Redis, within the node's limits."""

from dataclasses import dataclass
from typing import Any

from redis import exceptions
from redis.asyncio import Redis

from mcp_servers.actions.contract import Action, CannotTell, Failed, Refused, World
from mcp_servers.actions.limits import amount, over_limit, same
from mcp_servers.backends.action_records import Record
from mcp_servers.backends.redis_servers import opened
from mcp_servers.platform_results import ConfigSet

_PATIENCE_S = 6.0


@dataclass(frozen=True)
class SetConfig(Action[ConfigSet]):
    tool = "redis_config_set"
    limit_s = 8.0
    answer = ConfigSet

    world: World
    node: str
    parameter: str
    value: str

    @property
    def target(self) -> str:
        return self.node

    @property
    def args(self) -> dict[str, Any]:
        return {"node": self.node, "parameter": self.parameter, "value": self.value}

    async def before(self) -> dict[str, Any]:
        limits = self.world.node(self.node).limits
        server = self.world.redis(self.node)
        if self.parameter not in limits:
            listed = ", ".join(limits) or "none"
            raise Refused(f"{self.parameter} is not in the limits of {self.node} ({listed})")
        problem = over_limit(limits[self.parameter], self.value)
        if problem is not None and not await self._goes_back():
            raise Refused(f"{self.parameter} {self.value} on {self.node}: {problem}")
        async with opened(self.node, server.url, _PATIENCE_S) as client:
            old = await self._current(client)
            await self._refuse_to_evict(client)
        return {"old": old}

    async def carry_out(self, record: Record) -> ConfigSet:
        async with opened(self.node, self.world.redis(self.node).url, _PATIENCE_S) as client:
            try:
                await client.config_set(self.parameter, self.value)
            except exceptions.ResponseError as error:
                raise Failed(f"{self.node} answers: {error}") from error
            new = await self._current(client)
        if not same(new, self.value):
            raise Failed(f"{self.parameter} of {self.node} was set to {self.value} and is {new}")
        return await self._set(record, new)

    async def seen(self, record: Record) -> ConfigSet | None:
        async with opened(self.node, self.world.redis(self.node).url, _PATIENCE_S) as client:
            now = await self._current(client)
        if same(now, self.value):
            return await self._set(record, now)
        if now == record.before["old"]:
            return None
        raise CannotTell(
            f"{self.parameter} of {self.node} is {now}, neither what it was nor what was wanted"
        )

    async def _set(self, record: Record, new: str) -> ConfigSet:
        old = record.before["old"]
        if not same(old, new):
            await self.world.replaced.keep(self._setting, old)
        return ConfigSet(
            node=self.node,
            parameter=self.parameter,
            old=old,
            new=new,
            result=f"{self.parameter} of {self.node} was {old} and is {new}",
        )

    @property
    def _setting(self) -> str:
        return f"{self.node} {self.parameter}"

    async def _goes_back(self) -> bool:
        """Whether this is what the setting was before it was last changed here."""
        earlier = await self.world.replaced.value(self._setting)
        return earlier is not None and same(earlier, self.value)

    async def _current(self, client: Redis) -> str:
        try:
            found = await client.config_get(self.parameter)
        except exceptions.ResponseError as error:
            raise Failed(f"{self.node} answers: {error}") from error
        if self.parameter not in found:
            raise Refused(f"Redis has no setting {self.parameter}")
        return str(found[self.parameter])

    async def _refuse_to_evict(self, client: Redis) -> None:
        """Less memory than is in use throws data away, or stops every write."""
        wanted = amount(self.value)
        if self.parameter != "maxmemory" or not wanted:
            return
        used = int((await client.info("memory"))["used_memory"])
        if wanted < used:
            raise Refused(f"{self.node} uses {used} bytes; maxmemory {self.value} is less")
