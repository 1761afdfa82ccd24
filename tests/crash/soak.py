"""`make soak`: thousands of events through one real daemon; memory flat, databases bounded.

`python -m tests.crash.soak --events 20000` prints its figures, writes runs/soak.json, and exits
with 1 where one of them breaks a promise. Retention is shortened, so that it sweeps all the time.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.daemon import rss_mib
from tests.crash.evidence import journal_faults, journal_lines, rows, tally, until
from tests.observer_process import CRITICAL, INFO, ROOT, WARNING, ObserverProcess

SENDERS = 4
WARM_UP = 0.2
"""The part of the events after which memory must not grow any more."""
FLAT = {"daemon": 1.10, "tool_server": 1.10}
BOUNDED, SPARE_MIB = 1.25, 8
"""A database may keep 4 MiB of free pages, and a write-ahead log of 4 MiB beside it."""
SHARE_OF_WARNING, SHARE_OF_CRITICAL = 0.016, 0.004
DATABASES = ("observer.db", "queue.db", "checkpoints.db")
ENVIRONMENT = {
    "OBSERVER__RETENTION__DAYS": "0.0001",  # 8.6 seconds
    "OBSERVER__RETENTION__INTERVAL": "2s",
    "OBSERVER__DEDUPE__EVENT_IDS": "10s",
    "OBSERVER__CONCURRENCY": "4",
}


def main() -> int:
    """Run it, say what was found; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "soak.json")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        ObserverProcess(Path(folder) / "var", env=ENVIRONMENT) as observer,
    ):
        figures = soak(observer, options.events, random.Random(options.seed))
        assert observer.terminate() == 0, observer.log
        figures |= counted(observer, figures.pop("sent"))
    broken = violations(figures)
    figures = {"events": options.events, "seed": options.seed, **figures, "violations": broken}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    return 1 if broken else 0


def soak(observer: ObserverProcess, count: int, dice: random.Random) -> dict[str, Any]:
    """Send everything in two parts, and measure after each once it is all worked off."""
    events = [event(number, dice) for number in range(count)]
    part = int(count * WARM_UP)
    with Gauge(observer) as gauge:
        begin = time.monotonic()
        send(observer, events[:part])
        settle(observer)
        warm, warm_peak = gauge.read(), gauge.take_peak()
        send(observer, events[part:])
        handled = time.monotonic()
        settle(observer)
        end, peak = gauge.read(), gauge.take_peak()
    return {
        "sent": events,
        "seconds": round(handled - begin, 1),
        "after_warm_up": warm,
        "at_the_end": end,
        "peak_to_warm_up": warm_peak,
        "peak_after_warm_up": peak,
    }


def event(number: int, dice: random.Random) -> dict[str, Any]:
    """Mostly INFO; each of a session of its own, whose name stands in the message."""
    chance = dice.random()
    base = INFO
    if chance < SHARE_OF_CRITICAL:
        base = CRITICAL
    elif chance < SHARE_OF_CRITICAL + SHARE_OF_WARNING:
        base = WARNING
    name = f"soak-{number}"
    return {**base, "session_id": name, "event_id": name, "message": f"job {name}"}


def send(observer: ObserverProcess, events: list[dict[str, Any]]) -> None:
    """Post them over kept connections; where the inbox is full, again a little later."""
    waiting, lock = iter(events), threading.Lock()

    def sender(_: int) -> None:
        connection = http.client.HTTPConnection(observer.url.removeprefix("http://"), timeout=60)
        while True:
            with lock:
                following = next(waiting, None)
            if following is None:
                return
            while not _posted(connection, following):
                time.sleep(1)

    with ThreadPoolExecutor(SENDERS) as threads:
        list(threads.map(sender, range(SENDERS)))


def _posted(connection: http.client.HTTPConnection, event: dict[str, Any]) -> bool:
    headers = {"content-type": "application/json"}
    connection.request("POST", "/alerts", json.dumps(event).encode(), headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status not in (202, 503):
        raise RuntimeError(f"{answer.status}: {body.decode()}")
    return answer.status == 202


def settle(observer: ObserverProcess) -> None:
    """Until everything is handled, and what it left behind is cleared away."""
    observer.wait_until_idle(600)
    for table in ("sessions", "events", "spans", "stale_threads"):
        query = f"SELECT count(*) FROM {table}"
        until(lambda q=query: rows(observer.data_dir, q) == [(0,)], f"{table} is empty", 120)


class Gauge:
    """Memory of both processes and the size of each database, read twice a second."""

    def __init__(self, observer: ObserverProcess) -> None:
        self._observer = observer
        self._peak: Counter[str] = Counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def read(self) -> dict[str, float]:
        """The figures of this moment, in MiB."""
        assert self._observer.process is not None
        figures = {
            "daemon": rss_mib(self._observer.process.pid),
            "tool_server": rss_mib(self._observer.tool_server_pid()),
        }
        for name in DATABASES:
            files = self._observer.data_dir.glob(f"{name}*")
            figures[name] = sum(file.stat().st_size for file in files) / 2**20
        return {name: round(value, 2) for name, value in figures.items()}

    def take_peak(self) -> dict[str, float]:
        """The highest figures since the last time."""
        peak, self._peak = self._peak, Counter()
        return dict(peak)

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            self._peak |= Counter(self.read())

    def __enter__(self) -> Gauge:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def counted(observer: ObserverProcess, sent: list[dict[str, Any]]) -> dict[str, Any]:
    """What the journal and the tool server's own log say about each accepted event."""
    severity = {event["session_id"]: event["severity"] for event in sent}
    lines = journal_lines(observer.data_dir)
    accepted = Counter(line["session_id"] for line in lines if line["kind"] == "event")
    outcomes = Counter(
        line["session_id"]
        for line in lines
        if line["kind"] == "outcome" and line["outcome"] == "resolved"
    )
    serious = [session for session, of in severity.items() if of != "INFO"]
    effects = tally(observer, serious)
    alerts = {"WARNING": 1, "CRITICAL": 2}
    found = [accepted[session] for session in severity]
    found += [outcomes[session] for session in serious]
    found += [effects[session]["incidents"] for session in serious]
    found += [effects[session]["alerts"] / alerts[severity[session]] for session in serious]
    remedies = [effects[session]["remedies"] for session in serious]
    return {
        "accepted": dict(Counter(severity.values())),
        "journal_lines": len(lines),
        "journal_faults": journal_faults(observer.data_dir),
        "swept_sessions": sum(
            line["deleted"]["sessions"] for line in lines if line["kind"] == "retention"
        ),
        # Who had to wait for another session's action looks again, and need not act.
        "remedies": sum(remedies),
        "lost": sum(count < 1 for count in found),
        "doubled": sum(count > 1 for count in [*found, *remedies]),
    }


def violations(figures: dict[str, Any]) -> list[str]:
    """Each promise that these figures break."""
    warm, end = figures["after_warm_up"], figures["at_the_end"]
    broken = [
        f"memory of the {name} grew from {warm[name]} to {end[name]} MiB"
        for name, factor in FLAT.items()
        if end[name] > warm[name] * factor
    ]
    before, after = figures["peak_to_warm_up"], figures["peak_after_warm_up"]
    broken += [
        f"{name} grew from {before[name]} to {after[name]} MiB"
        for name in DATABASES
        if after[name] > before[name] * BOUNDED + SPARE_MIB
    ]
    broken += [f"{figures[name]} {name}" for name in ("lost", "doubled") if figures[name]]
    return broken + figures["journal_faults"]


if __name__ == "__main__":
    sys.exit(main())
