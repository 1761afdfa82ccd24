"""The real daemon as its own process on a free port and a data directory of its own."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from tests.plain_http import NO_TLS

ROOT = Path(__file__).parent.parent
START_LIMIT_S = 60.0
WARNING = {
    "severity": "WARNING",
    "stage": "transformation",
    "message": "Error rate elevated: 3.2% (threshold: 1%) in last 5 minutes.",
}
CRITICAL = {
    "severity": "CRITICAL",
    "stage": "loading",
    "message": "Stage FAILED: Connection refused to database. Pipeline halted.",
}
INFO = {
    "severity": "INFO",
    "stage": "ingestion",
    "message": "Checkpoint saved. 12,450 records processed. Throughput nominal.",
}
APPROVAL = {
    "severity": "WARNING",
    "stage": "indexing",
    "message": "Queue depth excessive: 8420 items waiting (threshold: 1000).",
}
_BUSY_DAY = {
    "OBSERVER__BUDGET__MAX_TOOL_CALLS_PER_DAY": "1000000",
    "OBSERVER__BUDGET__MAX_IRREVERSIBLE_PER_DAY": "1000000",
    "OBSERVER__QUEUE__POLLING_INTERVAL": "100ms",
}
"""A test's minutes hold more alerts than a team's day."""
ENDED = ("resolved", "escalated", "acknowledged", "failed")


class ObserverProcess:
    """Starts, kills and questions one daemon; used as a context manager it always ends it."""

    def __init__(
        self,
        data_dir: Path,
        *,
        config: Path | None = None,
        env: dict[str, str] | None = None,
        program: str = "observer.cli.app",
    ) -> None:
        self.data_dir = data_dir
        self._program = program
        self._config = config or ROOT / "config"
        self._env = env or {}
        self._log = data_dir.parent / f"{data_dir.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self, *, wait: bool = True) -> ObserverProcess:
        """Start the daemon and, unless told otherwise, wait until it takes events."""
        command = [sys.executable, "-m", self._program, "serve", "--port", "0"]
        command += ["--data-dir", str(self.data_dir), "--config", str(self._config)]
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        begin = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment(), stdout=log, stderr=log
            )
        if wait:
            self._wait_until_listening(begin)
        return self

    def environment(self) -> dict[str, str]:
        """A clean environment: nothing of the developer's own settings leaks into a test."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("OBSERVER", "OPENAI"))}
        return {**kept, "PYTHONUNBUFFERED": "1", **_BUSY_DAY, **self._env}

    def _wait_until_listening(self, begin: int) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            text = self._log.read_bytes()[begin:].decode(errors="replace")
            found = re.search(r"Send events to (http://[^/\s]+)/alerts", text)
            if found is not None:
                self.url = found[1]
                return
            if self.process.poll() is not None:
                raise RuntimeError(f"the daemon ended with {self.process.returncode}:\n{text}")
            time.sleep(0.02)
        raise RuntimeError(f"the daemon did not start:\n{self.log}")

    @property
    def log(self) -> str:
        """Everything the daemon printed, over all its starts."""
        return self._log.read_text(errors="replace")

    def post(self, event: dict[str, Any], *, secret: str | None = None) -> httpx.Response:
        """Post one native event."""
        body = json.dumps(event).encode()
        headers = {"content-type": "application/json"}
        if secret is not None:
            digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            headers["x-webhook-signature"] = f"sha256={digest}"
        return self._request("POST", "/alerts", content=body, headers=headers)

    def get(self, path: str) -> Any:
        """One JSON answer, whatever its status."""
        return self._request("GET", path).json()

    def send(self, event: dict[str, Any]) -> str:
        """Post an event that must be accepted; returns its session id."""
        answer = self.post(event)
        assert answer.status_code == 202, answer.text
        return answer.json()["events"][0]["session_id"]

    def session(self, session_id: str, *, tenant: str = "default") -> dict[str, Any]:
        """One session as the API shows it."""
        return self.get(f"/sessions/{session_id}?tenant_id={tenant}")

    def wait_for(
        self, session_id: str, *statuses: str, tenant: str = "default", limit_s: float = 60.0
    ) -> dict[str, Any]:
        """Wait until a session has one of the statuses (by default: has ended)."""
        wanted = statuses or ENDED
        deadline = time.monotonic() + limit_s
        shown: dict[str, Any] = {}
        while time.monotonic() < deadline:
            shown = self.session(session_id, tenant=tenant)
            if shown.get("status") in wanted:
                return shown
            time.sleep(0.03)
        raise AssertionError(f"{session_id} is {shown.get('status')}, not {wanted}:\n{self.log}")

    def wait_until_idle(self, limit_s: float = 120.0) -> None:
        """Wait until nothing is queued or running."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            inbox = self.get("/health")["inbox"]
            if inbox["queued"] == inbox["running"] == 0:
                return
            time.sleep(0.05)
        raise AssertionError(f"still busy: {self.get('/health')}\n{self.log}")

    def answer(self, session_id: str, decision: dict[str, Any]) -> httpx.Response:
        """Answer the session's open question."""
        return self._request(
            "POST", f"/sessions/{session_id}/resume", json={"decisions": [decision]}
        )

    def order(self, command: str, **order: Any) -> httpx.Response:
        """Post to one of the control routes."""
        return self._request("POST", f"/control/{command}", json=order)

    def _request(self, method: str, path: str, **content: Any) -> httpx.Response:
        return httpx.request(method, f"{self.url}{path}", timeout=30, verify=NO_TLS, **content)

    def kill(self) -> None:
        """kill -9, and its tool server's pipe breaks with it."""
        self._end(signal.SIGKILL)

    def terminate(self, limit_s: float = 30.0) -> int:
        """SIGTERM; returns the exit code."""
        return self._end(signal.SIGTERM, limit_s)

    def _end(self, how: signal.Signals, limit_s: float = 30.0) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(limit_s)

    def pipeline(self, name: str) -> Any:
        """One of the lab's files: pipeline_state, incidents or alerts."""
        return json.loads((self.data_dir / "pipeline" / f"{name}.json").read_text())

    def faults(self, faults: dict[str, Any]) -> None:
        """Make the lab misbehave from the next call on."""
        folder = self.data_dir / "pipeline"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "faults.json").write_text(json.dumps(faults))

    def tool_server_pid(self) -> int:
        """The process id of the daemon's tool server."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        for child in " ".join(path.read_text() for path in children).split():
            if b"pipeline_tools" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        raise AssertionError("the daemon has no tool server")

    def __enter__(self) -> ObserverProcess:
        return self.start() if self.process is None else self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
