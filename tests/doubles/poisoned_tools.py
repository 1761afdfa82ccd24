"""The real tool server, whose tickets for poisoned events fail as long as `DIR/poison` exists."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mcp_servers.backends.json_files import JsonFilesPipeline
from mcp_servers.pipeline_tools import build_server


class PoisonedPipeline(JsonFilesPipeline):
    """Says no to every ticket that names a poisoned event."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._poison = folder / "poison"

    def create_incident(self, *args: Any, **kwargs: Any) -> Any:
        if self._poison.exists() and "poison" in f"{args}{kwargs}":
            raise RuntimeError("this one is poison")
        return super().create_incident(*args, **kwargs)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path, required=True)
    build_server(PoisonedPipeline(parser.parse_args().data_dir)).run("stdio")


if __name__ == "__main__":
    main()
