"""What the mirror costs a run of a known WARNING, by how the receiver is.

A run's own latency, by its span: how long its event waited to be seen is chance.

Daemons take turns, one event each, another one first each time, so that whatever else the machine
does falls on all alike; each run is compared with the one without a mirror in the same round. A
second daemon without a mirror shows what the machine's noise alone makes of that.
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

from bench.daemon import AS_SHIPPED, always_known, cpu_ms, post_to_done_ms, warning
from bench.paired import Change, paired_change
from observer.domain.span import FINAL_RESPONSE
from tests.doubles.http_server import Reply
from tests.doubles.otlp_receiver import OtlpReceiver
from tests.flows.scenes import rows
from tests.observer_process import ObserverProcess

ROUNDS = 200
WARM_UP = 10
OFF, AGAIN = "off", "off, another daemon"


@dataclass(frozen=True)
class Latency:
    """One way to mirror, and its runs."""

    mirror: str
    p50_ms: float
    change: Change
    """Against the one without a mirror, as a part of its median."""
    cpu_ms: float
    """Of the daemon for a run, with what it does between them."""


def run_latency(rounds: int = ROUNDS) -> list[Latency]:
    """Without a mirror, twice; with one; with nobody there; with a receiver that never answers."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        config = always_known(folder)
        well = stack.enter_context(OtlpReceiver())
        slow = stack.enter_context(OtlpReceiver(lambda _: Reply(silent=True)))
        with OtlpReceiver() as gone:
            nobody = gone.endpoint
        endpoints = {
            OFF: None,
            AGAIN: None,
            "on": well.endpoint,
            "down": nobody,
            "hangs": slow.endpoint,
        }
        daemons = {
            name: stack.enter_context(
                ObserverProcess(
                    folder / str(number),
                    config=config,
                    env=AS_SHIPPED
                    if endpoint is None
                    else {**AS_SHIPPED, "OBSERVER__OTLP__ENDPOINT": endpoint},
                )
            )
            for number, (name, endpoint) in enumerate(endpoints.items())
        }
        _take_turns(daemons, range(-WARM_UP, 0))
        before = _cpu(daemons)
        _take_turns(daemons, range(rounds))
        after = _cpu(daemons)
        # What the last run said last is written with the next.
        _take_turns(daemons, range(rounds, rounds + 1))
        times = {name: _latencies(one, rounds) for name, one in daemons.items()}
    return [_latency(name, times, (after[name] - before[name]) / rounds) for name in daemons]


def _take_turns(daemons: dict[str, ObserverProcess], rounds: range) -> None:
    names = list(daemons)
    for i in rounds:
        first = i % len(names)
        for name in (*names[first:], *names[:first]):
            post_to_done_ms(daemons[name], lambda _, i=i: warning(i), 1)


def _latencies(observer: ObserverProcess, rounds: int) -> list[float]:
    question = "SELECT session_id, latency_ms FROM spans WHERE name = ?"
    ran = dict(rows(observer.data_dir / "observer.db", question, FINAL_RESPONSE))
    return [ran[warning(i)["session_id"]] for i in range(rounds)]


def _cpu(daemons: dict[str, ObserverProcess]) -> dict[str, float]:
    running = {name: one.process for name, one in daemons.items()}
    return {name: cpu_ms(process.pid) for name, process in running.items() if process is not None}


def _latency(name: str, times: dict[str, list[float]], cpu: float) -> Latency:
    base = median(times[OFF])
    shares = ([ms / base for ms in times[which]] for which in (OFF, name))
    return Latency(name, median(times[name]), paired_change(*shares), cpu)


def print_mirror(console: Console, rounds: int = ROUNDS) -> None:
    """As a table."""
    table = Table("OTLP mirror", "a run, p50 ms", "change", "95 % sure", "CPU ms a run")
    for one in run_latency(rounds):
        change, sure = "", ""
        if one.mirror != OFF:
            change = f"{one.change.median:+.1%}"
            sure = f"{one.change.low:+.1%} to {one.change.high:+.1%}"
        table.add_row(one.mirror, f"{one.p50_ms:.1f}", change, sure, f"{one.cpu_ms:.1f}")
    console.print(
        table, f"{rounds} rounds; change: the median of differences within a round, bootstrapped\n"
    )


if __name__ == "__main__":
    print_mirror(Console(width=110), int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
