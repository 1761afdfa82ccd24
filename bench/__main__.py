"""`make bench`: prints what the observer costs, each figure beside the bare graph's."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.daemon import AS_SHIPPED, always_known, cpu_ms, load, post_to_done_ms, rss_mib, warning
from bench.dependency_tree import dependency_tree
from bench.floor import Cost, floor
from bench.graph_only import parts
from bench.journal import print_costs
from bench.known_errors import LINES, known_errors
from bench.otlp import print_mirror
from bench.traces import print_answers
from tests.observer_process import INFO, ROOT, ObserverProcess

WARNING_SUPERSTEPS = 12
"""Checkpoints of a known WARNING's run, after the input's."""
MODEL_LATENCY_MS = 300
NOVEL = {"errors": {"transformation": ["Worker lost its lease on shard 7"]}}


def main() -> None:
    """Measure and print."""
    console = Console(width=110)
    bare = floor(WARNING_SUPERSTEPS)
    console.print(
        f"floor: {WARNING_SUPERSTEPS} trivial nodes, SQLite saver, synchronous=FULL, "
        f"durability=sync: {bare.wall_ms:.1f} ms, {bare.cpu_ms:.1f} CPU ms, "
        f"{bare.per_second:.0f} runs/s\n"
    )
    known = parts()
    alone, ledger_ms = known.whole, known.ledger_cpu_ms
    console.print(
        f"known WARNING, graph and records only, tools answered at once: {alone.wall_ms:.1f} ms,"
        f" {alone.cpu_ms:.1f} CPU ms: {alone.cpu_ms / bare.cpu_ms:.1f} x the floor's CPU,"
        f" {alone.wall_ms / bare.wall_ms:.1f} x its time"
    )
    console.print(
        f"the ledger's part of it (intent, result, span and journal line of each call):"
        f" {ledger_ms:.1f} CPU ms, {ledger_ms / alone.cpu_ms:.0%}"
    )
    console.print(
        f"the spans' part of it (each step opened and closed, each call):"
        f" {known.spans.wall_ms:.1f} ms, {known.spans.cpu_ms:.1f} CPU ms,"
        f" {known.spans.cpu_ms / alone.cpu_ms:.0%}\n"
    )
    _known_errors(console)
    tree = dependency_tree()
    console.print(
        f"dependency tree of {tree.nodes:,} nodes, in CPU time: load {tree.load_ms:.0f} ms;"
        f" a walk with {tree.looks:,} looks {tree.walk_ms:.1f} ms; impact of a node"
        f" {tree.impact_ms:.1f} ms, of the next {tree.next_impact_ms:.2f} ms\n"
    )
    print_costs(console)
    print_answers(console)
    table = Table("load", "events/s", "x floor", "daemon CPU ms/event", "x floor", "tools CPU ms")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _embedded(folder, table, bare, console)
        _with_model(folder, table, bare, console)
    console.print(table, "")
    print_mirror(console)


def _known_errors(console: Console) -> None:
    table = Table("signatures", "load s", "lines/s", "of the first", "loop, lines/s", "add one us")
    found = known_errors()
    for size in found:
        looped = "-" if size.looped_lines_per_s is None else f"{size.looped_lines_per_s:,.0f}"
        table.add_row(
            f"{size.signatures:,}",
            f"{size.load_s:.2f}",
            f"{size.lines_per_s:,.0f}",
            f"{size.lines_per_s / found[0].lines_per_s:.0%}",
            looped,
            f"{size.add_us:.0f} (slowest {size.slowest_add_us:.0f})",
        )
    console.print(f"match_known_error: {LINES:,} log lines of one node, in CPU time")
    console.print(table, "")


def _row(table: Table, what: str, measured, bare: Cost) -> None:
    cpu = measured.daemon_cpu_ms / measured.events
    table.add_row(
        what,
        f"{measured.per_second:.1f}",
        f"{measured.per_second / bare.per_second:.2f}",
        f"{cpu:.1f}",
        f"{cpu / bare.cpu_ms:.2f}",
        f"{measured.tools_cpu_ms / measured.events:.1f}",
    )


def _embedded(folder: Path, table: Table, bare: Cost, console: Console) -> None:
    observer = ObserverProcess(folder / "embedded", config=always_known(folder), env=AS_SHIPPED)
    begin = time.perf_counter()
    with observer:
        ready = time.perf_counter() - begin
        assert observer.process is not None
        daemon, tools = observer.process.pid, observer.tool_server_pid()
        time.sleep(3)
        before, begin = cpu_ms(daemon) + cpu_ms(tools), time.perf_counter()
        time.sleep(10)
        idle = (cpu_ms(daemon) + cpu_ms(tools) - before) / (time.perf_counter() - begin) / 10
        console.print(
            f"start to ready {ready:.2f} s; idle {idle:.1f} % of a core; RSS {rss_mib(daemon):.0f}"
            f" MiB daemon + {rss_mib(tools):.0f} MiB tool server"
        )
        info = load(observer, 3000, lambda i: {**INFO, "event_id": f"i-{i}"}, senders=32)
        _row(table, "INFO (32 senders)", info, bare)
        known = load(observer, 150, warning, senders=4)
        _row(table, "known WARNING", known, bare)
        acks = load(observer, 600, lambda i: warning(i + 10_000), senders=32).acks_ms
        console.print(
            f"ack under 32 senders: INFO p50 {_at(info.acks_ms, 50):.1f} ms, p99 "
            f"{_at(info.acks_ms, 99):.1f} ms; WARNING p50 {_at(acks, 50):.1f} ms, p99 "
            f"{_at(acks, 99):.1f} ms"
        )
        times = post_to_done_ms(observer, lambda i: warning(i + 50_000), 20)
        console.print(f"known WARNING, post to done: p50 {median(times):.0f} ms")


def _with_model(folder: Path, table: Table, bare: Cost, console: Console) -> None:
    for latency, what in ((0, "novel WARNING, instant model"), (MODEL_LATENCY_MS, "")):
        model = subprocess.Popen(
            [sys.executable, "-m", "tests.doubles.openai_server", "--latency-ms", str(latency)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert model.stdout is not None
        url = model.stdout.readline().strip()
        env = {"OBSERVER_MODELS": "openai", "OPENAI_API_KEY": "x", "OPENAI_BASE_URL": url}
        observer = ObserverProcess(folder / f"model-{latency}", env={**env, **AS_SHIPPED})
        observer.faults(NOVEL)
        with observer:
            if latency == 0:
                load(observer, 3, lambda i: warning(i + 90_000), senders=1)
                _row(table, what, load(observer, 100, warning, senders=4), bare)
            else:
                post_to_done_ms(observer, lambda i: warning(i + 90_000), 2)
                times = post_to_done_ms(observer, warning, 15)
                console.print(
                    f"novel WARNING at {latency} ms model latency, post to done: p50 "
                    f"{median(times):.0f} ms ({median(times) / latency:.1f} x the latency)\n"
                )
        model.terminate()
        model.wait(5)


def _at(sorted_values: list[float], percent: int) -> float:
    return sorted_values[min(len(sorted_values) - 1, len(sorted_values) * percent // 100)]


if __name__ == "__main__":
    main()
