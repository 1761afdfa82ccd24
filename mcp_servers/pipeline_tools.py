"""The pipeline's tools over MCP: `python -m mcp_servers.pipeline_tools --data-dir DIR`."""

import argparse
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import anyio
from anyio.to_thread import run_sync
from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from mcp_servers.backends.json_files import JsonFilesPipeline
from mcp_servers.faults import Tool
from mcp_servers.pipeline_results import (
    FoundAction,
    IncidentCreated,
    OncallPaged,
    PipelineHealth,
    QueueCleared,
    RecentErrors,
    Restarted,
    Retried,
    SlackAlertSent,
    StageMetrics,
)
from mcp_servers.tool_server import serve, tool_server

Result = TypeVar("Result")

Stage = Annotated[str, Field(min_length=1, max_length=100, description="Name of a stage")]
Reason = Annotated[str, Field(min_length=1, max_length=2000, description="Why, for the record")]
Message = Annotated[str, Field(min_length=1, max_length=4000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Key = Annotated[
    str,
    Field(
        min_length=1,
        max_length=300,
        description="Names this one action: the same key again changes nothing "
        "and returns the first result",
    ),
]

READS = ToolAnnotations(
    readOnlyHint=True, destructiveHint=False, idempotentHint=True, openWorldHint=False
)
INTERRUPTS = ToolAnnotations(
    readOnlyHint=False, destructiveHint=True, idempotentHint=True, openWorldHint=False
)
ADDS = ToolAnnotations(
    readOnlyHint=False, destructiveHint=False, idempotentHint=True, openWorldHint=False
)
REACHES_PEOPLE = ToolAnnotations(
    readOnlyHint=False, destructiveHint=False, idempotentHint=True, openWorldHint=True
)


def build_server(pipeline: JsonFilesPipeline) -> FastMCP:
    server = tool_server("pipeline-tools")

    async def answer(tool: Tool, stage: str | None, work: Callable[[], Result]) -> Result:
        """Do a tool's work off the event loop, unless the faults file orders a mishap."""
        fault = await run_sync(pipeline.call_fault, tool, stage)
        match fault:
            case "error":
                raise ToolError(f"{tool} failed: the pipeline's API answered 500; nothing was done")
            case "hang":
                await anyio.sleep(3600)
                raise ToolError(f"{tool} failed: no answer within an hour; nothing was done")
            case "die_before":
                os.kill(os.getpid(), signal.SIGKILL)
        result = await run_sync(work)
        if fault == "die_after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    @server.tool(annotations=READS)
    async def check_pipeline_health() -> PipelineHealth:
        """Return the health of all stages: how far a failure reaches, or whether a fix held.

        Not for a stage's figures: get_stage_metrics has those.
        """
        return await answer("check_pipeline_health", None, pipeline.health)

    @server.tool(annotations=READS)
    async def get_stage_metrics(stage: Stage) -> StageMetrics:
        """Return throughput, error rate, latency and queue depth of one stage, as of now.

        Not for finding out which stage is ill: check_pipeline_health does that in one call.
        """
        return await answer("get_stage_metrics", stage, lambda: pipeline.stage_metrics(stage))

    @server.tool(annotations=READS)
    async def get_recent_errors(
        stage: Stage, minutes: Annotated[int, Field(ge=1, le=1440)] = 10
    ) -> RecentErrors:
        """Return the error messages of one stage in the last minutes.

        Not proof that a stage is ill now: old lines stay after a fix. Check its metrics too.
        """
        return await answer(
            "get_recent_errors", stage, lambda: pipeline.recent_errors(stage, minutes)
        )

    @server.tool(annotations=READS)
    async def find_action(idempotency_key: Key) -> FoundAction:
        """Tell whether the action with this key has happened, and what it returned.

        For an action whose answer was lost. Not for listing or searching past actions.
        """
        return await answer("find_action", None, lambda: pipeline.find_action(idempotency_key))

    @server.tool(annotations=INTERRUPTS)
    async def restart_stage(stage: Stage, reason: Reason, idempotency_key: Key) -> Restarted:
        """Restart one stage; its work in flight is interrupted. For a stuck or frozen stage.

        Not for bad data, schema errors or failed jobs, which come back after a restart.
        """
        return await answer(
            "restart_stage",
            stage,
            lambda: pipeline.restart_stage(stage, reason, once=idempotency_key),
        )

    @server.tool(annotations=ADDS)
    async def retry_failed_jobs(
        stage: Stage,
        idempotency_key: Key,
        max_retries: Annotated[int, Field(ge=1, le=10)] = 3,
    ) -> Retried:
        """Run the failed jobs of one stage again. For transient failures.

        Not for a stage that is down (it fails them again), and not again after a retry failed.
        """
        return await answer(
            "retry_failed_jobs",
            stage,
            lambda: pipeline.retry_failed_jobs(stage, max_retries, once=idempotency_key),
        )

    @server.tool(annotations=INTERRUPTS)
    async def clear_queue(stage: Stage, reason: Reason, idempotency_key: Key) -> QueueCleared:
        """Throw away everything queued before one stage. The items are lost for good.

        Not for a queue that is merely long or still draining, nor where the data is needed.
        """
        return await answer(
            "clear_queue",
            stage,
            lambda: pipeline.clear_queue(stage, reason, once=idempotency_key),
        )

    @server.tool(annotations=ADDS)
    async def create_incident(
        title: Annotated[str, Field(min_length=1, max_length=300)],
        severity: Literal["INFO", "WARNING", "CRITICAL"],
        description: Annotated[str, Field(max_length=8000)],
        affected_stage: Name,
        idempotency_key: Key,
    ) -> IncidentCreated:
        """Open a ticket for something a human should look at, with the figures seen.

        Not for routine information, and not twice for one problem. It notifies nobody.
        """
        return await answer(
            "create_incident",
            affected_stage,
            lambda: pipeline.create_incident(
                title, severity, description, affected_stage, once=idempotency_key
            ),
        )

    @server.tool(annotations=REACHES_PEOPLE)
    async def send_slack_alert(
        channel: Name, message: Message, idempotency_key: Key
    ) -> SlackAlertSent:
        """Tell a Slack channel what happened and what was done.

        Not for routine information, and not for what must wake somebody: use page_oncall.
        """
        return await answer(
            "send_slack_alert",
            None,
            lambda: pipeline.send_slack_alert(channel, message, once=idempotency_key),
        )

    @server.tool(annotations=REACHES_PEOPLE)
    async def page_oncall(service: Name, message: Message, idempotency_key: Key) -> OncallPaged:
        """Wake the on-call engineer. For CRITICAL problems only.

        Not for warnings, not for what has already recovered, and not twice for one problem.
        """
        return await answer(
            "page_oncall",
            None,
            lambda: pipeline.page_oncall(service, message, once=idempotency_key),
        )

    return server


def main() -> None:
    parser = argparse.ArgumentParser(prog="mcp_servers.pipeline_tools", description=__doc__)
    default = os.environ.get("PIPELINE_DATA_DIR") or "var/pipeline"
    parser.add_argument("--data-dir", type=Path, default=Path(default))
    data_dir = parser.parse_args().data_dir
    faults = os.environ.get("PIPELINE_FAULTS")
    serve(build_server(JsonFilesPipeline(data_dir, Path(faults) if faults else None)))


if __name__ == "__main__":
    main()
