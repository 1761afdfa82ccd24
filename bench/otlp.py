"""What the mirror costs a run: post to done of a known WARNING, by how the receiver is.

Daemons take turns, one event each, another one first each time, so that whatever else the machine
does falls on all alike.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.daemon import always_known, post_to_done_ms, warning
from tests.doubles.http_server import Reply
from tests.doubles.otlp_receiver import OtlpReceiver
from tests.observer_process import ObserverProcess

ROUNDS = 60
OFF = "off"


@dataclass(frozen=True)
class Latency:
    """One way to mirror, and its runs."""

    mirror: str
    p50_ms: float
    change: float
    """Of the median against the one without a mirror, as a part of it."""


def run_latency(rounds: int = ROUNDS) -> list[Latency]:
    """Without a mirror; with one; with nobody there; with a receiver that never answers."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        config = always_known(folder)
        well = stack.enter_context(OtlpReceiver())
        slow = stack.enter_context(OtlpReceiver(lambda _: Reply(silent=True)))
        with OtlpReceiver() as gone:
            nobody = gone.endpoint
        endpoints = {OFF: None, "on": well.endpoint, "down": nobody, "hangs": slow.endpoint}
        daemons = {
            name: stack.enter_context(
                ObserverProcess(
                    folder / name,
                    config=config,
                    env={} if endpoint is None else {"OBSERVER__OTLP__ENDPOINT": endpoint},
                )
            )
            for name, endpoint in endpoints.items()
        }
        times: dict[str, list[float]] = {name: [] for name in daemons}
        for i in range(-3, rounds):
            names = list(daemons)
            first = i % len(names)
            for name in (*names[first:], *names[:first]):
                (took,) = post_to_done_ms(daemons[name], lambda _, i=i: warning(i), 1)
                if i >= 0:
                    times[name].append(took)
    base = median(times[OFF])
    return [Latency(name, median(ms), median(ms) / base - 1) for name, ms in times.items()]


def print_mirror(console: Console, rounds: int = ROUNDS) -> None:
    """As a table."""
    table = Table("OTLP mirror", "post to done, p50 ms", "change")
    for one in run_latency(rounds):
        table.add_row(one.mirror, f"{one.p50_ms:.1f}", f"{one.change:+.1%}")
    console.print(table, "")


if __name__ == "__main__":
    print_mirror(Console(width=110), int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
