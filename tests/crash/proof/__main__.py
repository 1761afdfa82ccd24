"""`make crash-proof`: kill, restart, compare, print, write runs/crash-proof.json."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.crash.proof.report import Report, printed
from tests.crash.proof.run import prove
from tests.crash.proof.scene import play
from tests.observer_process import ROOT


def main() -> int:
    """Run the proof; 0 only if nothing was lost, doubled, out of order or of wrong outcome."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.proof", description=main.__doc__)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "runs")
    parser.add_argument("--keep", type=Path, help="keep the data directory in this new folder")
    options = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash-proof-") as name:
        folder = options.keep or Path(name)
        report = prove(folder, seed=options.seed, kills=options.kills, say=_say)
        play(folder / "scene", options.out)
    written = _write(options.out / "crash-proof.json", report, time.monotonic() - begin)
    print(printed(report))
    print(f"{written}, and clean-run.json and crash-resume.json beside it, are written")
    if not report.proven:
        print(f"replay: make crash-proof N={options.kills} SEED={options.seed}")
    return 0 if report.proven else 1


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _write(file: Path, report: Report, took_s: float) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**report.as_json(), "took_s": round(took_s)}, indent=2) + "\n")
    return file


if __name__ == "__main__":
    raise SystemExit(main())
