"""The heartbeat file: whoever watches the process from outside reads its age."""

from __future__ import annotations

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from observer.records.small_files import put_in_place


class HeartbeatFile:
    """One small file, written anew with each beat."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="observer-heartbeat")

    async def write(self, *, at: float, state: str) -> None:
        """Say that the observer works, at a Unix time.

        Raises:
            OSError: the disk takes nothing.
        """
        said = json.dumps({"time": round(at, 3), "pid": os.getpid(), "state": state}) + "\n"
        loop = asyncio.get_running_loop()
        # Not synced: after a power cut nobody asks how old it is.
        await loop.run_in_executor(
            self._thread, lambda: put_in_place(self._path, said.encode(), durable=False)
        )

    def close(self) -> None:
        """The file stays, and grows old."""
        self._thread.shutdown(wait=False)
