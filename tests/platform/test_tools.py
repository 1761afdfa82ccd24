"""Which tools there are, and whom they refuse before anything happens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.observer_process import ROOT
from tests.platform.scenes import platform

NODES: dict[str, dict[str, Any]] = {
    "consumer": {"type": "process", "supervisor_process": "worker", "container": "app"},
    "unit": {"type": "process", "systemd_unit": "app.service"},
    "cache": {"type": "infrastructure", "limits": {"maxclients": 10}},
    "pods": {"type": "process", "deployment": "app"},
    "feed": {
        "type": "external",
        "supervisor_process": "worker",
        "container": "feed",
        "deployment": "app",
        "limits": {"maxclients": 10},
    },
}
SUPERVISOR = {"supervisor": {"url": "http://127.0.0.1:1/RPC2"}}
REDIS = {"redis": {name: {"url": "redis://127.0.0.1:1"} for name in ("cache", "feed")}}
CONTAINERS = {"containers": {n: {"argv": [], "restart": ["true"]} for n in ("app", "feed")}}
KUBERNETES = {"kubernetes": {"argv": ["false"]}}
EVERYTHING = {**SUPERVISOR, **REDIS, **CONTAINERS, **KUBERNETES}
CALLS: dict[str, dict[str, Any]] = {
    "restart_process": {"reason": "r"},
    "redis_config_set": {"parameter": "maxclients", "value": "9"},
    "redis_kill_idle_clients": {"idle_for": "5m"},
    "container_restart": {"reason": "r"},
    "rollout_restart": {"reason": "r"},
}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("told", "nodes", "tools"),
    [
        ({}, [], []),
        (EVERYTHING, [], ["container_exec"]),
        (SUPERVISOR, ["consumer"], ["restart_process"]),
        ({}, ["consumer"], []),
        ({}, ["unit"], ["restart_process"]),
        (REDIS, ["cache"], ["redis_config_set", "redis_kill_idle_clients"]),
        (REDIS, ["consumer"], []),
        ({}, ["cache"], []),
        (CONTAINERS, ["consumer"], ["container_exec", "container_restart"]),
        ({"containers": {"app": {"argv": []}}}, ["consumer"], ["container_exec"]),
        (KUBERNETES, ["pods"], ["rollout_restart"]),
        (KUBERNETES, ["unit"], ["restart_process"]),
        (EVERYTHING, list(NODES), ["container_exec", *CALLS]),
    ],
)
async def test_a_tool_exists_where_there_is_something_to_act_on(
    tmp_path: Path, told: dict[str, Any], nodes: list[str], tools: list[str]
) -> None:
    async with platform(tmp_path, {name: NODES[name] for name in nodes}, **told) as ask:
        listed = (await ask.session.list_tools()).tools

    assert {tool.name for tool in listed} == {"find_platform_action", *tools}
    for tool in listed:
        assert "Not " in (tool.description or ""), f"{tool.name} does not say when not"
        assert "idempotency_key" in tool.inputSchema["required"]
        assert tool.annotations is not None and tool.annotations.idempotentHint


@pytest.mark.asyncio
@pytest.mark.parametrize("tool", CALLS)
async def test_a_node_that_is_unknown_external_or_of_another_kind_is_refused(
    tmp_path: Path, tool: str
) -> None:
    """Case 66, as far as the server knows the tree; nothing is recorded, so the key stays free."""
    of_another_kind = "consumer" if "redis" in tool or "rollout" in tool else "cache"
    async with platform(tmp_path, NODES, **EVERYTHING) as ask:

        async def refused(node: str) -> str:
            return await ask.complaint(tool, node=node, idempotency_key="k", **CALLS[tool])

        unknown, external = await refused("nobody"), await refused("feed")
        other = await refused(of_another_kind)
        found = await ask("find_platform_action", idempotency_key="k")

    assert "no node 'nobody'" in unknown and "feed is external" in external
    assert of_another_kind in other and "KeyError" not in other
    assert found["found"] is False


@pytest.mark.asyncio
async def test_a_container_of_an_external_node_or_of_nobody_is_refused(tmp_path: Path) -> None:
    async with platform(tmp_path, NODES, **EVERYTHING) as ask:
        call = {"argv": ["true"], "idempotency_key": "k"}
        external = await ask.complaint("container_exec", container="feed", **call)
        unknown = await ask.complaint("container_exec", container="other", **call)

    assert "feed is external" in external and "not in platform.containers" in unknown


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("tool", "name"),
    [
        *((tool, "node") for tool in CALLS),
        ("container_exec", "container"),
        ("redis_config_set", "parameter"),
        ("redis_config_set", "value"),
        ("redis_kill_idle_clients", "idle_for"),
    ],
)
async def test_what_is_no_name_or_value_is_rejected_by_its_type(
    tmp_path: Path, tool: str, name: str
) -> None:
    """Case 65: no shell words, no way up, no option, no second line, no letter that looks alike."""
    call = {"node": "cache", **CALLS.get(tool, {}), "idempotency_key": "k"}
    if tool == "container_exec":
        call = {"container": "app", "argv": ["true"], "idempotency_key": "k"}
    strange = [
        "loading; rm -rf /",
        "../x",
        "-x",
        "cache\n",
        "c\u0430che",
        "",
        "x" * 101,
        "*",
        "a b",
    ]
    async with platform(tmp_path, NODES, **EVERYTHING) as ask:
        for value in strange:
            said = await ask.complaint(tool, **{**call, name: value})
            assert "validation error" in said and name in said, value


def test_wrong_sections_end_the_server_and_are_not_shown(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mcp_servers.platform_tools", "--data-dir", str(tmp_path)],
        cwd=ROOT,
        env={"OBSERVER_SECTIONS": '{"platform": {"redis": {"r": {"url": ["hunter22"]}}}}'},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 2
    assert "platform.redis.r.url" in done.stderr and "hunter22" not in done.stderr
