"""Loki's read API over log files: each file is a container's stream, each line has its own time."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tests.doubles.loki_server import Entry, LokiDouble


class LokiOverFiles(LokiDouble):
    """Answers from the files of a folder as they are when it is asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        super().__init__()

    def held(self) -> list[Entry]:
        entries = []
        for path in self._folder.glob("*.log"):
            labels = {"container_name": path.stem}
            for line in path.read_text(errors="replace").splitlines():
                try:
                    at = datetime.fromisoformat(line.partition(" ")[0]).timestamp()
                except ValueError:
                    continue  # of a traceback
                entries.append(Entry(labels, int(at * 1e9), line))
        return entries
