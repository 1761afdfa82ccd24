"""A real daemon for a demo: its own process, its own port, nothing of the caller's settings."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
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


class DemoDaemon:
    """One `observer serve` at a time, always at the same address and on the same records."""

    def __init__(self, data_dir: Path, config: Path, models: str) -> None:
        self.data_dir = data_dir
        port = free_port(HOST)
        self.url = f"http://{HOST}:{port}"
        self._command = [sys.executable, "-m", "observer.cli.app", "serve"]
        self._command += ["--host", HOST, "--port", str(port), "--data-dir", str(data_dir)]
        self._environment = environment(config, models)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, extra: Mapping[str, str]) -> None:
        """Start it and wait until it is healthy. `extra` environment stays for later starts."""
        self._environment |= extra
        log = self.data_dir / LOG
        with log.open("ab") as output:
            log.chmod(0o600)
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Not the caller's directory: a `.env` there is the caller's, not the demo's.
                cwd=self.data_dir,
                env=self._environment,
            )
        wait_until_healthy(self.process, self.url)

    def restart(self, extra: Mapping[str, str]) -> None:
        """Stop it as a deploy would, and start it again with more environment."""
        self.stop()
        self.start(extra)

    def stop(self) -> None:
        """End it with SIGTERM, and where that does not help, for good."""
        if self.process is not None:
            stop(self.process)


@contextmanager
def running_daemon(
    data_dir: Path, config: Path, models: str, extra: Mapping[str, str]
) -> Iterator[DemoDaemon]:
    """Start `observer serve`, give it once it is healthy, stop it with SIGTERM."""
    daemon = DemoDaemon(data_dir, config, models)
    try:
        daemon.start(extra)
        yield daemon
    finally:
        daemon.stop()


def environment(config: Path, models: str) -> dict[str, str]:
    """The caller's environment (a model's key may be in it) without the caller's observer."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("OBSERVER")}
    # The packages as they are here, installed or not, wherever the daemon starts.
    project = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join(filter(None, (project, own.get("PYTHONPATH"))))
    told = {"OBSERVER_CONFIG": str(config), "OBSERVER_MODELS": models}
    return {**own, **told, "PYTHONPATH": search, "PYTHONUNBUFFERED": "1"}


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
