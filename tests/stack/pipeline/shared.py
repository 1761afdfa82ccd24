"""What every program of the pipeline has: its settings, its log and its metrics endpoint."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any


def setting(name: str) -> str:
    """What the environment says."""
    return os.environ[f"PIPELINE_{name}"]


def seconds(name: str) -> float:
    """A duration that the environment says."""
    return float(setting(name))


def log(level: str, text: str) -> None:
    """One line, as the time and level of its writing."""
    print(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {level} {text}", flush=True)


async def serve_metrics(port: int, samples: Callable[[], Mapping[str, float]]) -> None:
    """Answer whatever is asked with the samples of now, in Prometheus' text form."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            body = "".join(f"{name} {value}\n" for name, value in samples().items())
            head = f"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {len(body)}"
            writer.write(f"{head}\r\nconnection: close\r\n\r\n{body}".encode())
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    await asyncio.start_server(answer, "127.0.0.1", port)


def run(program: Coroutine[Any, Any, None]) -> None:
    """Run a program until SIGTERM."""

    async def until_told() -> None:
        task = asyncio.ensure_future(program)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await task

    try:
        asyncio.run(until_told())
    except asyncio.CancelledError:
        log("INFO", "told to end")
