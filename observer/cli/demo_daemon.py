"""A real daemon for a demo: its own process, its own port, nothing of the caller's settings."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from observer.cli.http import ObserverClient, Unanswered, Unreachable
from observer.cli.render import complain
from observer.cli.serve import free_port
from observer.errors import ConfigurationError, ObserverError

HOST = "127.0.0.1"
READY_WITHIN = 60.0
STOPPED_WITHIN = 30.0
LOG = "daemon.log"
TAIL = 30
WRONG_CONFIGURATION = 2


class DaemonFailed(ObserverError):
    """The demo's daemon did not come up."""


@contextmanager
def running_daemon(data_dir: Path, config: Path, models: str) -> Iterator[str]:
    """Start `observer serve`, give its address once it is healthy, stop it with SIGTERM."""
    port = free_port(HOST)
    log = data_dir / LOG
    command = [sys.executable, "-m", "observer.cli.app", "serve"]
    command += ["--host", HOST, "--port", str(port)]
    command += ["--data-dir", str(data_dir), "--config", str(config)]
    with log.open("wb") as output:
        log.chmod(0o600)
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Not the caller's directory: a `.env` there is the caller's, not the demo's.
            cwd=data_dir,
            env=environment(models),
        )
    try:
        url = f"http://{HOST}:{port}"
        wait_until_healthy(process, url)
        yield url
    finally:
        stop(process)


def environment(models: str) -> dict[str, str]:
    """The caller's environment (a model's key may be in it) without the caller's observer."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("OBSERVER")}
    # The packages as they are here, installed or not, wherever the daemon starts.
    project = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(filter(None, (project, own.get("PYTHONPATH"))))
    return {**own, "OBSERVER_MODELS": models, "PYTHONPATH": search, "PYTHONUNBUFFERED": "1"}


def wait_until_healthy(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + READY_WITHIN
    with ObserverClient(url, timeout=5.0) as observer:
        while time.monotonic() < deadline:
            code = process.poll()
            if code is not None:
                kind = ConfigurationError if code == WRONG_CONFIGURATION else DaemonFailed
                raise kind(f"The daemon ended with exit code {code}.")
            try:
                if observer.get("/health").accepted:
                    return
            except (Unreachable, Unanswered):
                pass
            time.sleep(0.1)
    raise DaemonFailed(f"The daemon was not healthy within {READY_WITHIN:.0f} s.")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        complain(f"The daemon did not stop within {STOPPED_WITHIN:.0f} s of SIGTERM: killed.")
        process.kill()
        process.wait()


def tail(data_dir: Path) -> str:
    """The last lines that the daemon wrote."""
    try:
        lines = (data_dir / LOG).read_text(errors="replace").splitlines()[-TAIL:]
    except OSError:
        lines = []
    return "\n".join(lines) or "(nothing)"
