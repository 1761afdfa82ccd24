"""What the platform tools answer. `result` is the reply in words."""

from typing import Literal

from pydantic import BaseModel


class ProcessRestarted(BaseModel):
    """It was seen to run after a new start."""

    action: Literal["restart_process"] = "restart_process"
    node: str
    process: str
    state: str
    pid: int
    result: str


class ConfigSet(BaseModel):
    """`old` is what was replaced, `new` what Redis says afterwards, in its own spelling."""

    action: Literal["redis_config_set"] = "redis_config_set"
    node: str
    parameter: str
    old: str
    new: str
    result: str


class ClientsKilled(BaseModel):
    """Of `clients` besides our own, `killed` were ended and `spared` were idle, but working."""

    action: Literal["redis_kill_idle_clients"] = "redis_kill_idle_clients"
    node: str
    killed: int
    clients: int
    spared: int
    result: str


class ContainerRestarted(BaseModel):
    action: Literal["container_restart"] = "container_restart"
    node: str
    container: str
    result: str


class Executed(BaseModel):
    """What a command said. It is the container's text, not to be trusted."""

    action: Literal["container_exec"] = "container_exec"
    container: str
    output: str
    truncated: bool
    result: str


class RolloutRestarted(BaseModel):
    """The deployment was told; its pods follow one by one."""

    action: Literal["rollout_restart"] = "rollout_restart"
    node: str
    deployment: str
    restarted_at: str
    result: str
