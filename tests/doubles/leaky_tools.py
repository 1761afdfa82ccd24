"""The real tool server, whose answers and errors carry what nobody may keep.

`DIR/canaries.json` says what: a text for the log line, for the error and for a field of its own.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mcp_servers.backends.json_files import JsonFilesPipeline
from mcp_servers.pipeline_results import ErrorLine, RecentErrors, StageMetrics
from mcp_servers.pipeline_tools import build_server


class ChattyMetrics(StageMetrics):
    """The figures, and a field that a newer release has."""

    debug: str


class LeakyPipeline(JsonFilesPipeline):
    """Tells more than it should, in a log line, in a new field and in the text of an error."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._canaries: dict[str, str] = json.loads((folder / "canaries.json").read_text())

    def stage_metrics(self, stage: str) -> Any:
        told = super().stage_metrics(stage)
        return ChattyMetrics(**told.model_dump(), debug=self._canaries["field"])

    def recent_errors(self, stage: str, minutes: int) -> Any:
        line = ErrorLine(timestamp="2026-03-01T03:12:44Z", message=self._canaries["line"])
        return RecentErrors(stage=stage, minutes=minutes, errors=[line])

    def retry_failed_jobs(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(self._canaries["error"])


def main() -> None:
    """Serve over stdio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path, required=True)
    build_server(LeakyPipeline(parser.parse_args().data_dir)).run("stdio")


if __name__ == "__main__":
    main()
