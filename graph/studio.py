"""The same graph for LangGraph Studio: `langgraph dev` reads langgraph.json, which names this file.

langgraph.json mounts the service as the module `server`, not as a file: a file would be loaded
as a second module with an app of its own, and a data directory has one owner.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from graph.build import build_graph
from observer.daemon import Graph, Observer
from observer.domain.health import most_steps
from observer.errors import ObserverUnavailable
from server import app

_START_LIMIT_S = 30.0


@asynccontextmanager
async def open_graph() -> AsyncIterator[Graph]:
    """Build the graph for one request of Studio; threads and checkpoints are Studio's own.

    Raises:
        ObserverUnavailable: the service that owns the data directory did not start.
    """
    observer = await _mounted_observer()
    calls = observer.services.configuration.observer.budget.max_tool_calls_per_run
    yield build_graph(observer.services).with_config(recursion_limit=most_steps(calls))


async def _mounted_observer() -> Observer:
    """The one that the service opened.

    Requests come after it. A run that the last `langgraph dev` left over may come before it.
    """
    try:
        async with asyncio.timeout(_START_LIMIT_S):
            while not hasattr(app.state, "observer"):  # noqa: ASYNC110  it sets no event
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise ObserverUnavailable("the service of langgraph.json did not start") from error
    return app.state.observer
