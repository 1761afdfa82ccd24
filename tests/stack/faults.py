"""Every fault of the pipeline, and what an observer without a model must make of it.

By hand: `python -m tests.stack [NAME ...]` prints what became of each.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass

from tests.stack.pipeline_stack import PipelineStack
from tests.stack.trouble import CONSUMER, PRODUCER

Work = Callable[[PipelineStack], object]


@dataclass(frozen=True)
class Fault:
    """What is done to the pipeline, and what is right to do about it."""

    inflict: Work
    undo: Work
    cause: str
    outcome: str
    """`resolved`, or `escalated`."""
    acts: tuple[str, ...] = ()
    """The changes that are made: everything else is forbidden."""
    says: str = ""
    """What the report says of it."""
    process: str = ""
    """The one process that is started again."""
    alerts: tuple[str, ...] = ()
    """What must have fired before it is undone, where nobody heals it."""
    passes: Work | None = None
    """How it ends by itself while the observer still looks."""


def _nothing(stack: PipelineStack) -> None:
    """It heals, or is healed, without us."""


FAULTS = {
    "clients exhausted": Fault(
        PipelineStack.exhaust_clients,
        PipelineStack.release_clients,
        cause="redis_instance",
        outcome="resolved",
        acts=("redis_kill_idle_clients",),
        says="ke-001",
    ),
    "consumer dead": Fault(
        lambda stack: stack.signal(CONSUMER, signal.SIGKILL),
        lambda stack: stack.start_process(CONSUMER),
        cause="kafka_to_redis_consumer",
        outcome="resolved",
        acts=("restart_process",),
        process=CONSUMER,
    ),
    "consumer stopped": Fault(
        lambda stack: stack.signal(CONSUMER, signal.SIGSTOP),
        lambda stack: stack.signal(CONSUMER, signal.SIGCONT),
        cause="kafka_to_redis_consumer",
        outcome="resolved",
        acts=("restart_process",),
        process=CONSUMER,
    ),
    "producer stopped": Fault(
        lambda stack: stack.stop_process(PRODUCER),
        lambda stack: stack.start_process(PRODUCER),
        cause="websocket_ingestion",
        outcome="resolved",
        acts=("restart_process",),
        process=PRODUCER,
    ),
    "upstream gone": Fault(
        lambda stack: stack.feed.stop(),
        lambda stack: stack.feed.start(),
        cause="upstream_data_feed",
        outcome="escalated",
    ),
    "upstream away for a moment": Fault(
        lambda stack: stack.feed.stop(),
        _nothing,
        passes=lambda stack: stack.feed.start(),
        cause="upstream_data_feed",
        outcome="resolved",
        says="ke-002",
    ),
    "poison record": Fault(
        PipelineStack.poison,
        PipelineStack.skip_records,
        cause="kafka_to_redis_consumer",
        outcome="escalated",
        says="ke-005",
        alerts=("RedisDataStale", "ConsumerLagHigh"),
    ),
    "memory full": Fault(
        PipelineStack.fill_memory,
        PipelineStack.empty_memory,
        cause="redis_instance",
        outcome="resolved",
        acts=("redis_config_set",),
        says="ke-004",
    ),
}
