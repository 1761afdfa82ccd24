"""The pipeline tools as an agent meets them: over a real MCP session."""

import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.shared.memory import create_connected_server_and_client_session

from mcp_servers.backends.json_files import JsonFilesPipeline
from mcp_servers.pipeline_tools import build_server

ROOT = Path(__file__).parents[2]
RESTART = {"stage": "transformation", "reason": "stuck", "idempotency_key": "k"}
RETRY = {"stage": "transformation", "idempotency_key": "k"}
READERS = {"check_pipeline_health", "get_stage_metrics", "get_recent_errors", "find_action"}
WRITERS = {
    "restart_stage",
    "retry_failed_jobs",
    "clear_queue",
    "create_incident",
    "send_slack_alert",
    "page_oncall",
}


def in_process(folder: Path):
    return create_connected_server_and_client_session(build_server(JsonFilesPipeline(folder)))


@asynccontextmanager
async def over_stdio(folder: Path, **env: str):
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "mcp_servers.pipeline_tools", "--data-dir", str(folder)],
        cwd=ROOT,
        env=env,
    )
    async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
        await session.initialize()
        yield session


async def answer(session: ClientSession, tool: str, **args: Any) -> dict[str, Any]:
    reply = await session.call_tool(tool, args)
    assert not reply.isError, reply.content
    assert reply.structuredContent is not None
    return reply.structuredContent


async def complaint(session: ClientSession, tool: str, **args: Any) -> str:
    reply = await session.call_tool(tool, args)
    assert reply.isError
    return reply.content[0].text  # pyright: ignore[reportAttributeAccessIssue]


def order_faults(folder: Path, **tools: dict[str, Any]) -> None:
    (folder / "faults.json").write_text(json.dumps({"tools": tools}))


@pytest.mark.asyncio
async def test_every_write_declares_its_key_and_its_nature(tmp_path):
    async with in_process(tmp_path) as session:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}

    assert set(tools) == READERS | WRITERS
    for name, tool in tools.items():
        assert tool.annotations is not None and tool.outputSchema is not None
        assert tool.annotations.readOnlyHint is (name in READERS)
        assert "Not " in (tool.description or "")
        if name in WRITERS:
            assert "idempotency_key" in tool.inputSchema["required"]
            assert tool.annotations.idempotentHint
    destructive = {n for n, t in tools.items() if t.annotations and t.annotations.destructiveHint}
    assert destructive == {"restart_stage", "clear_queue"}


@pytest.mark.asyncio
async def test_the_labs_warning_story_ends_healthy(tmp_path):
    async with in_process(tmp_path) as session:
        before = await answer(session, "get_stage_metrics", stage="transformation")
        errors = await answer(session, "get_recent_errors", stage="transformation")
        retried = await answer(session, "retry_failed_jobs", **RETRY)
        after = await answer(session, "check_pipeline_health")

    assert (before["error_rate_pct"], before["queue_depth"]) == (3.2, 8420)
    assert "legacy_id" in errors["errors"][0]["message"]
    assert (retried["retried"], retried["succeeded"], retried["still_failing"]) == (42, 36, 6)
    assert after["overall"] == "healthy"
    assert (after["healthy_count"], after["total_count"]) == (5, 5)


@pytest.mark.asyncio
async def test_the_same_key_twice_gives_the_first_result_and_can_be_found(tmp_path):
    async with in_process(tmp_path) as session:
        assert not (await answer(session, "find_action", idempotency_key="k"))["found"]
        first = await answer(session, "restart_stage", **RESTART)
        again = await answer(session, "restart_stage", **RESTART | {"reason": "reworded"})
        found = await answer(session, "find_action", idempotency_key="k")

    assert first == again
    assert first["restart_id"] == "rs-1"
    assert found == {"found": True, "action": "restart_stage", "result": first}


@pytest.mark.asyncio
async def test_an_unknown_stage_is_an_error_that_lists_the_stages(tmp_path):
    async with in_process(tmp_path) as session:
        text = await complaint(session, "get_stage_metrics", stage="nope")

    assert "no stage 'nope'" in text
    assert "ingestion, transformation, validation, loading, indexing" in text


@pytest.mark.parametrize(
    ("tool", "args"),
    [
        ("get_recent_errors", {"stage": "loading", "minutes": 0}),
        ("get_recent_errors", {"stage": "loading", "minutes": 1441}),
        ("retry_failed_jobs", RETRY | {"max_retries": 11}),
        ("retry_failed_jobs", {"stage": "loading"}),
        ("restart_stage", RESTART | {"idempotency_key": ""}),
        ("restart_stage", RESTART | {"idempotency_key": "k" * 301}),
        ("page_oncall", {"service": "s", "message": "m" * 4001, "idempotency_key": "k"}),
        (
            "create_incident",
            {
                "title": "t",
                "severity": "MEH",
                "description": "d",
                "affected_stage": "loading",
                "idempotency_key": "k",
            },
        ),
    ],
)
@pytest.mark.asyncio
async def test_arguments_out_of_bounds_are_refused(tmp_path, tool, args):
    async with in_process(tmp_path) as session:
        assert "validation error" in await complaint(session, tool, **args)
    assert not (tmp_path / "actions.jsonl").exists()


@pytest.mark.asyncio
async def test_faults_change_a_live_server(tmp_path):
    async with in_process(tmp_path) as session:
        order_faults(tmp_path, restart_stage={"mode": "error", "times": 1})
        assert "nothing was done" in await complaint(session, "restart_stage", **RESTART)
        assert not (await answer(session, "find_action", idempotency_key="k"))["found"]

        order_faults(tmp_path, restart_stage={"mode": "no_heal"})
        await answer(session, "restart_stage", **RESTART)
        assert (await answer(session, "check_pipeline_health"))["overall"] == "degraded"

        (tmp_path / "faults.json").write_text("{torn")
        assert "faults.json is wrong" in await complaint(session, "check_pipeline_health")

        (tmp_path / "faults.json").unlink()
        await answer(session, "restart_stage", **RESTART | {"idempotency_key": "k2"})
        assert (await answer(session, "check_pipeline_health"))["overall"] == "healthy"


@pytest.mark.asyncio
async def test_a_hanging_call_blocks_no_other(tmp_path):
    order_faults(tmp_path, restart_stage={"mode": "hang"})
    async with in_process(tmp_path) as session, anyio.create_task_group() as calls:
        calls.start_soon(session.call_tool, "restart_stage", RESTART)
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(5):
            assert (await answer(session, "check_pipeline_health"))["overall"] == "degraded"
        calls.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("mode", "done"), [("die_before", False), ("die_after", True)], ids=["before", "after"]
)
@pytest.mark.asyncio
async def test_a_server_killed_around_the_effect_pages_once(tmp_path, mode, done):
    faults = tmp_path / "elsewhere.json"
    faults.write_text(json.dumps({"tools": {"page_oncall": {"mode": mode, "times": 1}}}))
    page = {"service": "data-platform", "message": "m", "idempotency_key": "k"}

    async with over_stdio(tmp_path, PIPELINE_FAULTS=str(faults)) as doomed:
        with anyio.fail_after(20), pytest.raises(McpError, match="Connection closed"):
            await doomed.call_tool("page_oncall", page)
    assert len(json.loads((tmp_path / "alerts.json").read_text())) == int(done)

    async with over_stdio(tmp_path, PIPELINE_FAULTS=str(faults)) as survivor:
        assert (await answer(survivor, "find_action", idempotency_key="k"))["found"] is done
        paged = await answer(survivor, "page_oncall", **page)

    assert paged["page_id"] == "PD-00001"
    assert len(json.loads((tmp_path / "alerts.json").read_text())) == 1
