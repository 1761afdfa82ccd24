"""What can be done to real infrastructure, one file each kind."""

from typing import Any

from mcp_servers.actions.contract import Action, World
from mcp_servers.actions.redis_clients import KillIdleClients
from mcp_servers.actions.redis_config import SetConfig
from mcp_servers.actions.restart import RestartProcess
from mcp_servers.actions.rollout import RestartRollout

VISIBLE: dict[str, type[Action[Any]]] = {
    action.tool: action for action in (RestartProcess, SetConfig, KillIdleClients, RestartRollout)
}
"""The actions of which the world itself tells whether they happened, by tool."""

__all__ = ["VISIBLE", "Action", "World"]
