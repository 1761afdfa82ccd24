"""A known WARNING's run without inbox, HTTP and tool server: what the graph and records cost."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from bench.floor import Cost
from graph.build import build_graph, serializer
from observer.bootstrap import open_services
from observer.domain.calls import CallStatus
from observer.gateway.replies import Reply
from observer.records.checkpoints import open_checkpoints
from observer.records.data_dir import DataDir
from observer.records.ledger import Ledger
from observer.records.spans import Spans
from observer.settings import load_configuration
from tests.observer_process import WARNING

_ERRORS = {"errors": [{"message": "unexpected field 'legacy_id'"}]}


class _InstantTools:
    """The lab's answers, at once: degraded until a retry."""

    def __init__(self) -> None:
        self._degraded = True

    async def call(self, tool: str, args: dict[str, Any]) -> Reply:
        payload: dict[str, Any] = {"result": "done"}
        if tool == "get_stage_metrics":
            payload = {"error_rate_pct": 3.2 if self._degraded else 0.1}
        elif tool == "get_recent_errors":
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


def _without_spans(spans: Spans) -> None:
    """Steps are neither opened nor closed, and no span is written; the journal's lines are."""
    spans.open = _nothing  # type: ignore[method-assign]
    spans.close = lambda step: None  # type: ignore[method-assign]
    spans._insert = lambda connection, span: None  # type: ignore[method-assign]


Without = Literal["nothing", "ledger", "spans"]


async def _run(runs: int, without: Without) -> Cost:
    os.environ.pop("OBSERVER_MODELS", None)
    with tempfile.TemporaryDirectory() as folder:
        data_dir = DataDir(Path(folder))
        data_dir.lock()
        async with (
            open_services(load_configuration(), data_dir) as services,
            open_checkpoints(data_dir.checkpoints, serializer()) as saver,
        ):
            if without == "ledger":
                _without_ledger(services.ledger)
            if without == "spans":
                _without_spans(services.spans)
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


@dataclass(frozen=True)
class Parts:
    """The cost of one known WARNING whose tools answer at once, and what of it is whose."""

    whole: Cost
    ledger_cpu_ms: float
    spans: Cost


def parts(pairs: int = 5, runs: int = 100) -> Parts:
    """Medians, taken in turns: a part is a small difference of two noisy figures."""
    costs: dict[Without, list[Cost]] = {"nothing": [], "ledger": [], "spans": []}
    for _ in range(pairs):
        for without, taken in costs.items():
            taken.append(asyncio.run(_run(runs, without)))
    whole, no_ledger, no_spans = (_median(taken) for taken in costs.values())
    spans = Cost(whole.wall_ms - no_spans.wall_ms, whole.cpu_ms - no_spans.cpu_ms)
    return Parts(whole, whole.cpu_ms - no_ledger.cpu_ms, spans)


def _median(costs: list[Cost]) -> Cost:
    return Cost(median(c.wall_ms for c in costs), median(c.cpu_ms for c in costs))
