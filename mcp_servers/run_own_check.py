"""Run one user's check: `python -m mcp_servers.run_own_check FILE`, parameters on stdin.

A process of its own, so that what it prints, blocks or breaks stays there.
"""

import asyncio
import importlib.util
import json
import os
import sys
from pathlib import Path


def main() -> None:
    parameters = json.load(sys.stdin)
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the check prints goes where messages go
    file = Path(sys.argv[1]).resolve()
    sys.path.append(str(file.parent))
    try:
        spec = importlib.util.spec_from_file_location("own_check", file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{file.name} is no Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        status, reason, values = asyncio.run(module.check(parameters))
        said = {"status": status, "reason": str(reason), "values": dict(values)}
    except BaseException as error:
        # A check that breaks has seen nothing.
        said = {"status": "unknown", "reason": f"{type(error).__name__}: {error}", "values": {}}
    json.dump(said, answer)
    answer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
