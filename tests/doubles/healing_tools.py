"""A tool server whose one write heals a pipeline's figures: wholly, in part or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

from mcp.server.fastmcp import FastMCP
from mcp.types import ToolAnnotations
from pydantic import BaseModel

FOLDER = Path(os.environ.get("HEALING_FOLDER", "."))
server = FastMCP("healing-tools", log_level="WARNING")


class Healed(BaseModel):
    """What the double says it did."""

    result: str


@server.tool(annotations=ToolAnnotations(destructiveHint=True, idempotentHint=True))
def heal(node: str, idempotency_key: str, stage: str = "") -> Healed:
    """Note the call, and set the figures to those of `after.prom`, where it is there."""
    with (FOLDER / "heals.jsonl").open("a") as notes:
        notes.write(json.dumps({"node": node, "key": idempotency_key}) + "\n")
    after = FOLDER / "after.prom"
    if after.exists():
        (FOLDER / "metrics.prom").write_text(after.read_text())
    return Healed(result="done")


if __name__ == "__main__":
    server.run("stdio")
