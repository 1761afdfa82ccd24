"""The real daemon, which kills itself around one of its own steps, on order of a file.

`DATA_DIR/doom.json`: `{"tool": step, "when": "before" | "after", "skip": n}`, a step being a name
of STEPS; taken as in `dying_tools`. The daemon's tool server ends when its pipe breaks.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from observer.cli.app import main
from observer.records.approvals import Approvals
from observer.records.inbox import Inbox
from observer.records.ledger import Ledger
from observer.records.sessions import Sessions
from observer.worker.requeue import Requeue
from observer.worker.runner import Runner
from tests.doubles.dying_tools import take_order

STEPS: dict[str, type] = {
    "Sessions.acknowledge": Sessions,
    "Sessions.admit": Sessions,
    "Inbox.put": Inbox,
    "Ledger.find": Ledger,
    "Ledger.intend": Ledger,
    "Ledger.record_observation": Ledger,
    "Approvals.ask": Approvals,
    "Approvals.answer": Approvals,
    "Approvals.take_up": Approvals,
    "Requeue.answer": Requeue,
    "Runner._continuation": Runner,
}


def doomed(
    folder: Path, step: str, work: Callable[..., Awaitable[Any]]
) -> Callable[..., Awaitable[Any]]:
    """The step's work, and the daemon's death before or after it."""

    @functools.wraps(work)
    async def work_or_die(*args: Any, **kwargs: Any) -> Any:
        when = take_order(folder, step)
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = await work(*args, **kwargs)
        if when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return work_or_die


if __name__ == "__main__":
    data_dir = Path(sys.argv[sys.argv.index("--data-dir") + 1])
    for name, owner in STEPS.items():
        method = name.partition(".")[2]
        setattr(owner, method, doomed(data_dir, name, getattr(owner, method)))
    main()
