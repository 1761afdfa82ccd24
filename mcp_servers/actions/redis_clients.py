"""redis_kill_idle_clients: makes room where clients hold connections that they do not use."""

from dataclasses import dataclass
from typing import Any

from redis import exceptions

from mcp_servers.actions.contract import Action, Failed, World
from mcp_servers.backends.action_records import Record
from mcp_servers.backends.redis_servers import opened
from mcp_servers.platform_results import ClientsKilled

_PATIENCE_S = 6.0
_WORKING = set("MSOPbx")
"""Flags of CLIENT LIST: master, replica, monitor, pub/sub, waiting in a command, in MULTI."""


@dataclass(frozen=True)
class KillIdleClients(Action[ClientsKilled]):
    tool = "redis_kill_idle_clients"
    limit_s = 8.0
    answer = ClientsKilled

    world: World
    node: str
    idle_s: float

    @property
    def target(self) -> str:
        return self.node

    @property
    def args(self) -> dict[str, Any]:
        return {"node": self.node, "idle_s": self.idle_s}

    async def before(self) -> dict[str, Any]:
        self.world.redis(self.node)
        return {}

    async def carry_out(self, record: Record) -> ClientsKilled:
        async with opened(self.node, self.world.redis(self.node).url, _PATIENCE_S) as client:
            try:
                own = str(await client.client_id())
                others = [c for c in await client.client_list() if c["id"] != own]
                idle = [c for c in others if float(c["idle"]) > self.idle_s]
                spared = [c for c in idle if _WORKING & set(c["flags"])]
                ends = [c["id"] for c in idle if c not in spared]
                async with client.pipeline(transaction=False) as pipeline:
                    for client_id in ends:
                        pipeline.client_kill_filter(_id=client_id)
                    killed = sum(await pipeline.execute())
            except exceptions.ResponseError as error:
                raise Failed(f"{self.node} answers: {error}") from error
        return ClientsKilled(
            node=self.node,
            killed=killed,
            clients=len(others),
            spared=len(spared),
            result=f"{killed} of {len(others)} clients of {self.node} were idle for more than"
            f" {self.idle_s:g} s and are gone; {len(spared)} idle ones wait for work and stay",
        )

    async def seen(self, record: Record) -> ClientsKilled | None:
        """None: to end those that are idle once more harms nobody."""
        return None
