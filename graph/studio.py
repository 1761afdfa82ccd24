"""The same graph for LangGraph Studio, through the doors that the mounted service opened."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from langgraph.graph.state import CompiledStateGraph
from server import app

from graph.build import build_graph


@asynccontextmanager
async def open_graph() -> AsyncIterator[CompiledStateGraph[Any, Any, Any, Any]]:
    """Build the graph anew for each request of Studio, without a checkpointer: it brings its own."""
    print("FACTORY", getattr(app.state, "observer", None) is not None, file=sys.stderr, flush=True)
    yield build_graph(app.state.observer.services)
