"""What the journal's chain costs a line, and how fast it is verified, with a key and without.

`python -m bench.journal --lines 1000000` measures as many lines as it is told.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from observer.records.chain import GENESIS, line_hash, verify
from observer.records.jsonl import append
from observer.records.keyring import Keyring

LINES = 50_000
_BATCH = 500
_A_DAY = 100_000
_KEY = "the key of the benchmark's journal"
_RESULT = json.dumps({"stage": "transformation", "error_rate_pct": 3.2, "queue_depth": 120})


@dataclass(frozen=True)
class ChainCost:
    """Of one line, and of verifying them all; in CPU time, but for what waits for the disk."""

    hash_us: float
    append_us: float
    """To write it as JSON and have it on the disk, in batches as the daemon does: by the clock."""
    bytes_a_line: float
    verified_per_s: float
    memory_mib: float
    """What verifying added to the process at its largest."""


def journal(lines: int = LINES, keys: tuple[str, ...] = ()) -> ChainCost:
    """Write a journal of so many lines and verify it."""
    keyring = Keyring(keys)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hashing = appending = 0.0
        digest = GENESIS
        for first in range(1, lines + 1, _BATCH):
            begin = time.process_time()
            batch: list[dict[str, Any]] = []
            for seq in range(first, min(first + _BATCH, lines + 1)):
                line = _line(seq, digest, keyring.current)
                digest = line["hash"] = line_hash(line, keyring)
                batch.append(line)
            hashing += time.process_time() - begin
            begin = time.perf_counter()
            path = folder / f"day-{first // _A_DAY:05}.jsonl"
            append([(path, [json.dumps(line) for line in batch])])
            appending += time.perf_counter() - begin
        size = sum(path.stat().st_size for path in folder.iterdir())
        before, begin = _peak_mib(), time.process_time()
        verdict = verify(folder, (lines, digest), keyring)
        took = time.process_time() - begin
        assert (verdict.lines, verdict.fault) == (lines, None)
    return ChainCost(
        hashing / lines * 1e6,
        appending / lines * 1e6,
        size / lines,
        lines / took,
        _peak_mib() - before,
    )


def _line(seq: int, before: str, key_id: str | None) -> dict[str, Any]:
    return {
        "seq": seq,
        "prev_hash": before,
        **({} if key_id is None else {"key_id": key_id}),
        "ts": "2026-01-01T12:00:00.000+00:00",
        "tenant_id": "default",
        "session_id": f"session-{seq}",
        "trace_id": f"{seq:032x}",
        "kind": "observation",
        "tool": "get_stage_metrics",
        "args": {"stage": "transformation"},
        "idempotency_key": f"default/session-{seq}/0123456789abcdef/read/1",
        "purpose": "read",
        "step": 3,
        "status": "success",
        "result": _RESULT,
    }


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def print_costs(console: Console, lines: int = LINES) -> None:
    """Measure and print."""
    table = Table("chain", "hash us", "append us", "bytes a line", "verified/s", "memory MiB")
    for what, keys in (("SHA-256", ()), ("with a key", (_KEY,))):
        cost = journal(lines, keys)
        table.add_row(
            what,
            f"{cost.hash_us:.1f}",
            f"{cost.append_us:.1f}",
            f"{cost.bytes_a_line:.0f}",
            f"{cost.verified_per_s:,.0f}",
            f"{cost.memory_mib:.1f}",
        )
    console.print(
        f"journal of {lines:,} lines, one fsync for {_BATCH}; in CPU time, but for append"
    )
    console.print(table, "")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=LINES)
    print_costs(Console(width=110), parser.parse_args().lines)
