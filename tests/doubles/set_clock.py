"""The real daemon, whose time of day is off by what a file says.

`DATA_DIR/clock`: seconds, negative for a clock that is behind; it is read at every look. The
monotonic clock, which sleeps and limits go by, goes on as always.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from observer.cli.app import main


def off_by(file: Path) -> float:
    try:
        return float(file.read_text() or 0)
    except FileNotFoundError:
        return 0.0


if __name__ == "__main__":
    clock = Path(sys.argv[sys.argv.index("--data-dir") + 1]) / "clock"
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + off_by(clock)
    time.time_ns = lambda: real_ns() + int(off_by(clock) * 1e9)
    main()
