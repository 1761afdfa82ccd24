"""A known WARNING's run without inbox, HTTP and tool server: what the graph and records cost."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
import uuid
from pathlib import Path
from statistics import median
from typing import Any

from bench.floor import Cost
from graph.build import build_graph, serializer
from observer.bootstrap import open_services
from observer.domain.calls import CallStatus
from observer.gateway.replies import Reply
from observer.records.checkpoints import open_checkpoints
from observer.records.data_dir import DataDir
from observer.records.ledger import Ledger
from observer.settings import load_configuration
from tests.observer_process import WARNING

_ERRORS = {"errors": [{"message": "unexpected field 'legacy_id'"}]}


class _InstantTools:
    """The lab's answers, at once: degraded until a retry."""

    def __init__(self) -> None:
        self._degraded = True

    async def call(self, tool: str, args: dict[str, Any]) -> Reply:
        payload: dict[str, Any] = {"error_rate_pct": 3.2 if self._degraded else 0.1}
        if tool == "get_recent_errors":
            payload = _ERRORS
        elif tool == "retry_failed_jobs":
            self._degraded = False
        elif tool == "send_slack_alert":
            self._degraded = True
        return Reply(CallStatus.SUCCESS, payload, "")


async def _nothing(*_: Any, **__: Any) -> None:
    """A ledger's door with nothing behind it."""


def _without_ledger(ledger: Ledger) -> None:
    """What nodes read back stays in memory; nothing of it is written."""

    async def remember(call: Any, observation: Any, *, payload: Any, **_: Any) -> None:
        ledger._remember(observation.key, payload)

    ledger.intend = _nothing  # type: ignore[method-assign]
    ledger.record_observation = remember  # type: ignore[method-assign]


async def _run(runs: int, *, with_ledger: bool) -> Cost:
    os.environ.pop("OBSERVER_MODELS", None)
    with tempfile.TemporaryDirectory() as folder:
        data_dir = DataDir(Path(folder))
        data_dir.lock()
        async with (
            open_services(load_configuration(), data_dir) as services,
            open_checkpoints(data_dir.checkpoints, serializer()) as saver,
        ):
            if not with_ledger:
                _without_ledger(services.ledger)
            graph = build_graph(services, saver)
            services.mcp.call = _InstantTools().call  # type: ignore[method-assign]

            async def once() -> None:
                session = str(uuid.uuid4())
                event = {**WARNING, "session_id": session, "event_id": session}
                config: Any = {
                    "configurable": {"thread_id": session, "trace_id": session, "resumed": False}
                }
                state = await graph.ainvoke({"event": event}, config, durability="sync")
                if state["outcome"] != "resolved":
                    raise RuntimeError(state["report"])

            for _ in range(5):
                await once()
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(runs):
                await once()
            return Cost(
                (time.perf_counter() - wall) * 1000 / runs,
                (time.process_time() - cpu) * 1000 / runs,
            )


def graph_only(runs: int = 100, *, with_ledger: bool = True) -> Cost:
    """The cost of one known WARNING whose tools answer at once."""
    return asyncio.run(_run(runs, with_ledger=with_ledger))


def with_and_without_ledger(pairs: int = 5) -> tuple[Cost, float]:
    """The median cost, and how many CPU ms of it are the ledger's: taken in turns.

    The ledger's part is a small difference of two noisy figures, so each is a median.
    """
    whole, without = [], []
    for _ in range(pairs):
        whole.append(graph_only())
        without.append(graph_only(with_ledger=False))
    wall_ms, cpu_ms = (median(getattr(cost, f) for cost in whole) for f in ("wall_ms", "cpu_ms"))
    return Cost(wall_ms, cpu_ms), cpu_ms - median(cost.cpu_ms for cost in without)
