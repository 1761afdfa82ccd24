"""One of the pipeline's own programs, by itself or for a supervisor."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.observer_process import ROOT
from tests.stack.part import Part

PROGRAM = """
[program:{name}]
command={python} -m tests.stack.pipeline.{module}
directory={root}
autorestart=false
startsecs=0
stopwaitsecs=1
redirect_stderr=true
stdout_logfile={log}
"""


class Program(Part):
    """One of the pipeline's own programs that no supervisor runs."""

    def __init__(self, folder: Path, name: str, port: int) -> None:
        super().__init__(folder)
        self.name = name
        self.port = port

    def command(self) -> list[str]:
        code = f"import runpy, sys; sys.path.insert(0, {str(ROOT)!r}); "
        run = f"runpy.run_module('tests.stack.pipeline.{self.name}', run_name='__main__')"
        return [sys.executable, "-c", code + run]
