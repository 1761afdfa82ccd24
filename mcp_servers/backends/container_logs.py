"""Logs by container where there is no Loki: files, or what a command prints."""

import asyncio
import contextlib
import glob
import os
import re
import signal
import stat
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from anyio.to_thread import run_sync

from mcp_servers.backends.log_lines import Timed, newest, timed
from mcp_servers.backends.log_sources import checked
from mcp_servers.backends.trouble import SourceTrouble, WrongParameters
from mcp_servers.sections import ENVIRONMENT, LogCommand, LogFiles
from mcp_servers.telemetry_results import LogLines

_TAIL_BYTES = 1 << 20
_MOST_FILES = 50
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
_ROTATED = re.compile(r"[.-]\d{1,14}")


class _ByContainer:
    """What files and commands have in common."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def _answer(
        self,
        source: Literal["files", "command"],
        lines: list[Timed],
        contains: str,
        minutes: float,
        limit: int,
        cut: bool,
    ) -> LogLines:
        since = datetime.fromtimestamp(self._clock() - minutes * 60, UTC)
        kept, more = newest(lines, since=since, limit=limit, wanted=lambda line: contains in line)
        known = all(line.timestamp is not None for line in kept)
        return LogLines(
            source=source,
            timestamps="known" if known else "unknown",
            truncated=more or cut,
            lines=kept,
        )

    def _timed(self, text: str) -> list[Timed]:
        return timed(
            text.removesuffix("\n").split("\n") if text else [],
            datetime.fromtimestamp(self._clock(), UTC),
        )


def _only_container(container: str, query: str) -> str:
    if query:
        raise WrongParameters("query: these logs are no Loki; write container, and contains")
    return checked(container)


class FileLogs(_ByContainer):
    """Files by container, with those that were rotated away; only each file's tail is read."""

    def __init__(self, settings: LogFiles, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._pattern = settings.pattern

    async def read(
        self, *, container: str, query: str, contains: str, minutes: float, limit: int
    ) -> LogLines:
        name = _only_container(container, query)
        return await run_sync(self._read, name, contains, minutes, limit, abandon_on_cancel=True)

    def _read(self, container: str, contains: str, minutes: float, limit: int) -> LogLines:
        files = self._files(container)
        if not files:
            raise SourceTrouble(f"no log file of container {container!r}")
        since = self._clock() - minutes * 60
        lines: list[Timed] = []
        cut = False
        for path, modified in files:
            # Whatever stands in it was written before the window.
            if modified < since:
                continue
            text, whole = _tail(path)
            found = self._timed(text)
            # Lines that were not read matter only where the first one read is of the window.
            first = found[0][0] if found else None
            cut |= not whole and (first is None or first.timestamp() >= since)
            lines += found
        return self._answer("files", lines, contains, minutes, limit, cut)

    def modified(self, container: str) -> float | None:
        """When a container's newest file was last written to; None where there is none."""
        return max((at for _, at in self._files(checked(container))), default=None)

    def _files(self, container: str) -> list[tuple[Path, float]]:
        """A container's regular files, oldest first."""
        found: dict[Path, float] = {}
        for match in _matching(self._pattern.replace("{container}", container)):
            beside = _matching(glob.escape(match) + "[.-]*")
            for name in (match, *(name for name in beside if _is_rotated(name, match))):
                with contextlib.suppress(OSError):
                    status = Path(name).stat()
                    if stat.S_ISREG(status.st_mode) and not name.endswith(_COMPRESSED):
                        found[Path(name)] = status.st_mtime
        return sorted(found.items(), key=lambda item: item[1])[-_MOST_FILES:]


def _matching(pattern: str) -> list[str]:
    return glob.glob(pattern)  # noqa: PTH207  Path.glob takes no absolute pattern


def _is_rotated(name: str, original: str) -> bool:
    return _ROTATED.fullmatch(name[len(original) :]) is not None


def _tail(path: Path) -> tuple[str, bool]:
    """A file's last lines, and whether that is all of it."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            data = file.read(_TAIL_BYTES)
    except OSError as error:
        raise SourceTrouble(f"{path.name} can't be read: {error.strerror}") from error
    whole = size <= _TAIL_BYTES
    if not whole:
        data = data.partition(b"\n")[2]
    return data.decode(errors="replace"), whole


class CommandLogs(_ByContainer):
    """A command that prints a container's log: an argument list, never a shell."""

    def __init__(self, settings: LogCommand, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._argv = settings.argv

    async def read(
        self, *, container: str, query: str, contains: str, minutes: float, limit: int
    ) -> LogLines:
        name = _only_container(container, query)
        argv = [part.replace("{container}", name) for part in self._argv]
        text, whole = await _output(argv)
        return self._answer("command", self._timed(text), contains, minutes, limit, not whole)


async def _output(argv: list[str]) -> tuple[str, bool]:
    """The end of what a command prints, both streams: `docker logs` uses both."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={k: v for k, v in os.environ.items() if k != ENVIRONMENT},
            start_new_session=True,
        )
    except OSError as error:
        raise SourceTrouble(f"the log command {argv[0]} can't run: {error.strerror}") from error
    chunks: deque[bytes] = deque()
    size, dropped = 0, False
    try:
        assert process.stdout is not None  # noqa: S101  it was asked for
        while chunk := await process.stdout.read(65536):
            chunks.append(chunk)
            size += len(chunk)
            while size - len(chunks[0]) >= _TAIL_BYTES:
                size -= len(chunks.popleft())
                dropped = True
        code = await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    data = b"".join(chunks)
    text = (data.partition(b"\n")[2] if dropped else data).decode(errors="replace")
    if code != 0:
        last = text.strip().splitlines()[-1:] or ["it printed nothing"]
        raise SourceTrouble(f"the log command ended with {code}: {last[0][:200]}")
    return text, not dropped
