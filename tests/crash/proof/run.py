"""One proof from its first start to its report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.crash.evidence import journal_faults
from tests.crash.proof.compare import compare
from tests.crash.proof.gather import calm_run, gather
from tests.crash.proof.report import Report, resume_times
from tests.crash.proof.schedule import Schedule
from tests.crash.proof.world import World

_EVERY = 25


def prove(
    folder: Path, *, seed: int, kills: int, say: Callable[[str], None] = lambda _: None
) -> Report:
    """Kill so many times, let everything come to its end, and compare."""
    schedule = Schedule(seed, kills)
    calm = calm_run(folder / "calm")
    world = World(folder / "killed")
    for number, life in enumerate(schedule.lives, start=1):
        world.live(life)
        if number % _EVERY == 0:
            say(f"{number} of {kills} kills, {len(world.sender.promises)} events sent")
    world.sender.queue(schedule.left)
    observer = world.end()
    code = observer.terminate()
    evidence = gather(world.data_dir, world.sender)
    faults = journal_faults(world.data_dir)
    if code != 0:
        faults = [*faults, f"the last daemon ended with {code}"]
    return Report(
        seed=seed,
        kills=world.deaths,
        missed=world.missed,
        kinds=[promise.sent.kind for promise in evidence.promises.values()],
        answered=len(world.sender.answered),
        joined=sum(event.status == "joined" for event in evidence.events.values()),
        actions=len(evidence.actions),
        findings=compare(evidence, calm),
        faults=faults,
        resumed_s=resume_times(world.data_dir, world.starts),
    )
