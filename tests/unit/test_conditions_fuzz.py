"""The condition grammar under atheris: coverage leads it to every rule of the parser."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SEEDS = [
    "redis_connected_clients > 280",
    "ws_reconnection_count increase > 3 in 5m",
    "ws_messages_received rate > 0",
    'kafka_consumer_group_lag{group="redis-writer-entity",a=~"b.*"} >= 1e4 %',
    'x_seconds{a!="\\"\\n"} < 500 ms',
]


def test_a_coverage_guided_fuzzer_finds_nothing_but_parse_errors(tmp_path: Path) -> None:
    """Case 74."""
    pytest.importorskip("atheris")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for i, text in enumerate(SEEDS):
        # The first byte tells atheris that plain characters follow.
        (corpus / str(i)).write_bytes(b"\x01" + text.encode())
    options = ["-max_total_time=5", "-seed=1", f"-artifact_prefix={tmp_path}/"]
    fuzzed = subprocess.run(
        [sys.executable, "-m", "tests.unit.fuzz_conditions", *options, str(corpus)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert fuzzed.returncode == 0, fuzzed.stderr[-3000:]
    done = re.search(r"Done (\d+) runs", fuzzed.stderr)
    assert done is not None, fuzzed.stderr[-3000:]
    assert int(done[1]) > 100
