"""A program with its arguments: never a shell, nothing of our settings, bounded in what it says."""

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass

from mcp_servers.sections import ENVIRONMENT

_MOST_BYTES = 1 << 20


class CannotRun(Exception):
    """The program did not start, so it did nothing."""


@dataclass(frozen=True)
class Ran:
    """How a program ended, and the beginning of what it said."""

    code: int
    out: str
    err: str
    truncated: bool

    @property
    def words(self) -> str:
        """Its last words, for a complaint."""
        lines = (self.err.strip() or self.out.strip()).splitlines()
        return lines[-1][:300] if lines else "it said nothing"


async def run(argv: list[str]) -> Ran:
    """Run a program to its end; cancelled, it is killed with all that it started.

    Raises:
        CannotRun: there is no such program, or it may not be run.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={k: v for k, v in os.environ.items() if k != ENVIRONMENT},
            start_new_session=True,
        )
    except OSError as error:
        raise CannotRun(f"{argv[0]} can't run: {error.strerror}") from error
    try:
        (out, more_out), (err, more_err) = await asyncio.gather(
            _beginning(process.stdout), _beginning(process.stderr)
        )
        code = await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return Ran(code, out, err, more_out or more_err)


async def _beginning(stream: asyncio.StreamReader | None) -> tuple[str, bool]:
    """The first bytes of a stream that is read to its end, and whether there were more."""
    assert stream is not None  # noqa: S101  it was asked for
    kept, more = bytearray(), False
    while chunk := await stream.read(65536):
        room = _MOST_BYTES - len(kept)
        kept += chunk[:room]
        more |= len(chunk) > room
    return kept.decode(errors="replace"), more
