"""Looks at real infrastructure over MCP, read only: `python -m mcp_servers.telemetry_tools`.

Where everything is stands in `OBSERVER_SECTIONS`; see docs/telemetry.md.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

from mcp_servers.backends.trouble import SourceTrouble, WrongParameters
from mcp_servers.healthchecks import METHODS, judge
from mcp_servers.masking import Mask
from mcp_servers.sections import BadSections, Sections, read_sections
from mcp_servers.sources import Sources
from mcp_servers.telemetry_results import Health, LogLines, Metrics
from mcp_servers.tool_server import serve, tool_server

Result = TypeVar("Result", bound=BaseModel)

Query = Annotated[str, Field(max_length=4000)]
Minutes = Annotated[int, Field(ge=0, le=7 * 24 * 60)]

LOOKS = ToolAnnotations(
    readOnlyHint=True, destructiveHint=False, idempotentHint=True, openWorldHint=True
)

_LIMIT_S = 8.0
"""For one query: less than the observer waits for a call."""


def build_server(sources: Sources) -> FastMCP:
    server = tool_server("telemetry-tools")
    mask = Mask(sources.sections)

    async def answer(work: Callable[[], Awaitable[Result]], limit_s: float | None) -> Result:
        """Do a tool's work in its time, and say nothing of our credentials, in errors neither."""
        try:
            async with asyncio.timeout(limit_s):
                result = await work()
        except TimeoutError:
            raise ToolError(f"no answer within {_LIMIT_S:g} s") from None
        except (SourceTrouble, WrongParameters) as error:
            raise ToolError(mask.text(str(error))) from None
        except Exception as error:
            raise ToolError(mask.text(f"{type(error).__name__}: {error}"[:500])) from None
        return type(result).model_validate(mask.value(result.model_dump()))

    @server.tool(annotations=LOOKS)
    async def query_metrics(
        query: Annotated[Query, Field(min_length=1)], minutes: Minutes = 0
    ) -> Metrics:
        """Ask Prometheus: as of now, or with minutes the points of that time.

        `found: none` means that nothing matched, not 0. Not for judging whether a node is
        healthy: check_health does that, and tells unknown from unhealthy.
        """
        return await answer(lambda: sources.prometheus.query(query, minutes), _LIMIT_S)

    @server.tool(annotations=LOOKS)
    async def query_logs(
        container: Annotated[str, Field(max_length=200)] = "",
        query: Query = "",
        contains: Annotated[str, Field(max_length=1000)] = "",
        minutes: Annotated[Minutes, Field(ge=1)] = 15,
        limit: Annotated[int, Field(ge=1, le=500)] = 200,
    ) -> LogLines:
        """Read the newest log lines of a container, or of a LogQL query where there is Loki.

        Not proof that something is ill now: an old line stays after a fix. Not for counting
        over a long time: query_metrics does that.
        """
        return await answer(
            lambda: sources.logs.read(
                container=container, query=query, contains=contains, minutes=minutes, limit=limit
            ),
            _LIMIT_S,
        )

    @server.tool(annotations=LOOKS)
    async def check_health(
        method: Annotated[str, Field(json_schema_extra={"enum": list(METHODS)})],
        parameters: dict[str, Any],
    ) -> Health:
        """Judge one node: healthy, unhealthy, or unknown with the reason why nobody can tell.

        Not for finding out why a node is ill: read its logs and metrics for that. Unknown is
        neither: never act on it.
        """
        return await answer(lambda: judge(method, parameters, sources), None)

    return server


def main() -> None:
    """Serve over stdio."""
    try:
        sections: Sections = read_sections()
    except BadSections as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    serve(build_server(Sources(sections)))


if __name__ == "__main__":
    main()
