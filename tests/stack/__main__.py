"""Every fault, or those that are named, by hand: `python -m tests.stack [NAME ...]`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.observer_process import ObserverProcess
from tests.stack.faults import FAULTS
from tests.stack.pipeline_stack import SECRETS, PipelineStack
from tests.stack.trial import attempt, wrong


def main(names: list[str]) -> int:
    """Print a table: fault, outcome, changes, seconds."""
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        stack = PipelineStack(Path(folder) / "stack")
        config = stack.config(stack.folder / "config")
        with ObserverProcess(stack.folder / "var", config=config, env=SECRETS) as observer, stack:
            stack.tell(observer.url)
            print("| fault | outcome | done | seconds |\n|---|---|---|---|")
            for name in names or FAULTS:
                trial = attempt(stack, observer, FAULTS[name])
                problems = wrong(trial, FAULTS[name])
                done = ", ".join(trial.acts) or "nothing"
                print(f"| {name} | {trial.outcome} | {done} | {trial.seconds:.1f} |", flush=True)
                for problem in problems:
                    failed = 1
                    print(f"  wrong: {problem}")
                    for session in trial.sessions:
                        print(session["report"])
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
