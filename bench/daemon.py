"""The real daemon under load: what it costs by the operating system's own accounting."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.observer_process import ROOT, WARNING, ObserverProcess

_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
ALWAYS = "queue_depth > 0"
AS_SHIPPED = {"OBSERVER__QUEUE__POLLING_INTERVAL": "250ms"}
"""The tests' daemons look for events more often."""


@dataclass(frozen=True)
class Load:
    """What a number of events cost."""

    events: int
    wall_s: float
    daemon_cpu_ms: float
    tools_cpu_ms: float
    acks_ms: list[float]

    @property
    def per_second(self) -> float:
        """Events handled a second."""
        return self.events / self.wall_s


def always_known(folder: Path) -> Path:
    """The shipped configuration with a known error that always matches and always verifies."""
    config = folder / "config"
    shutil.copytree(ROOT / "config", config)
    path = config / "known_errors.yaml"
    text = path.read_text()
    path.write_text(
        text.replace("error_rate_pct > 1", ALWAYS).replace("error_rate_pct < 1", ALWAYS)
    )
    return config


def warning(number: int) -> dict[str, Any]:
    """A WARNING of its own session."""
    return {**WARNING, "session_id": f"bench-{number}", "event_id": f"e-{number}"}


def cpu_ms(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_MS


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def load(
    observer: ObserverProcess, events: int, make: Callable[[int], dict[str, Any]], senders: int
) -> Load:
    """Post so many events from so many senders at once and wait until all are handled."""
    assert observer.process is not None
    daemon, tools = observer.process.pid, observer.tool_server_pid()
    before = cpu_ms(daemon), cpu_ms(tools)
    begin = time.perf_counter()
    acks = asyncio.run(_post_all(observer.url, [make(i) for i in range(events)], senders))
    _wait_until_idle(observer.data_dir / "observer.db")
    wall = time.perf_counter() - begin
    return Load(
        events, wall, (cpu_ms(daemon) - before[0]), (cpu_ms(tools) - before[1]), sorted(acks)
    )


def _wait_until_idle(path: Path, look_every_s: float = 0.01) -> None:
    """Ask the database, not the daemon: the question must not show in its figures."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    question = "SELECT count(*) FROM events WHERE status IN ('queued', 'running')"
    while connection.execute(question).fetchone()[0]:
        time.sleep(look_every_s)
    connection.close()


async def _post_all(url: str, events: list[dict[str, Any]], senders: int) -> list[float]:
    """Minimal HTTP over kept connections; returns each acknowledgement's milliseconds."""
    host, port = url.removeprefix("http://").split(":")
    waiting = iter(events)
    acks: list[float] = []

    async def sender() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for event in waiting:
            body = json.dumps(event).encode()
            begin = time.perf_counter()
            writer.write(
                b"POST /alerts HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\n\r\n%s" % (len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 202 " not in head.splitlines()[0]:
                raise RuntimeError(head.decode())
            length = next(
                int(line.split(b":")[1])
                for line in head.lower().splitlines()
                if line.startswith(b"content-length")
            )
            await reader.readexactly(length)
            acks.append((time.perf_counter() - begin) * 1000)
        writer.close()

    await asyncio.gather(*(sender() for _ in range(senders)))
    return acks


def post_to_done_ms(observer: ObserverProcess, make: Callable[[int], dict[str, Any]], runs: int):
    """Milliseconds from a post to the end of its session, one event at a time; sorted."""
    path = observer.data_dir / "observer.db"
    times: list[float] = []
    for i in range(runs):
        begin = time.perf_counter()
        observer.send(make(i))
        _wait_until_idle(path, look_every_s=0.001)
        times.append((time.perf_counter() - begin) * 1000)
    return sorted(times)
