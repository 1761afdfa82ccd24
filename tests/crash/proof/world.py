"""One data directory through all the lives of its daemon."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import OperationalError
from subprocess import TimeoutExpired
from threading import Event, Timer
from typing import Any

from mcp_servers.backends.action_log import ActionLog
from mcp_servers.backends.durable_files import locked, write_json
from tests.crash.evidence import actions, alive, config_with_dying_tools, rows, until
from tests.crash.proof.moments import AT_RANDOM, Kill
from tests.crash.proof.schedule import STAGES, Life
from tests.crash.proof.sender import Sender
from tests.observer_process import ObserverProcess

DEATH_LIMIT_S = 30.0
"""An ordered death that has not come by then was missed; the daemon is killed all the same."""
_ASKED_LIMIT_S = 30.0
_STALLED_S = 60.0
_LATE_S = 1.5
_REAL, _DOOMED = "observer.cli.app", "tests.doubles.doomed_daemon"
_CONCURRENCY = {"OBSERVER__CONCURRENCY": "4"}
_UNFINISHED = ("queued", "running", "waiting")


@dataclass(frozen=True)
class Start:
    """One start of the daemon: when, when it was ready, and how much was left to go on with."""

    at: float
    ready_at: float | None
    left_over: int


class World:
    """Starts, feeds and kills one daemon after the other on the same files."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "var"
        self.pipeline = self.data_dir / "pipeline"
        self.pipeline.mkdir(parents=True)
        self.sender = Sender()
        self.starts: list[Start] = []
        self.deaths: list[str] = []
        self.missed: list[str] = []
        self._config = config_with_dying_tools(folder)

    def live(self, life: Life) -> None:
        """One process from its start to its death."""
        kill = life.kill
        self.sender.queue(life.deliveries)
        self._sicken()
        if not life.late:
            self._doom(life)
        observer = self._observer(_DOOMED if _by_daemon(kill) else _REAL)
        try:
            if kill.starting:
                self._note_start(time.time(), 0)
                observer.start(wait=False)
                Event().wait(kill.after_s)
                observer.kill()
            elif self._start(observer):
                self._work(observer, life)
        finally:
            self._bury(observer, kill)

    def end(self) -> ObserverProcess:
        """A last life, on no order, until all is done or nothing moves; the daemon is left up."""
        (self.pipeline / "doom.json").unlink(missing_ok=True)
        (self.data_dir / "doom.json").unlink(missing_ok=True)
        self._sicken()
        observer = self._observer(_REAL)
        assert self._start(observer), observer.log
        deadline = time.monotonic() + _STALLED_S
        left: tuple[int, int] | None = None
        while left != (0, 0) and time.monotonic() < deadline:
            self.sender.deliver(observer)
            self.sender.answer_all(observer)
            now = (len(self.sender.waiting), len(self._unfinished(*_UNFINISHED)))
            if now != left:
                left, deadline = now, time.monotonic() + _STALLED_S
            Event().wait(0.1)
        self._release_orphan()
        return observer

    def _work(self, observer: ObserverProcess, life: Life) -> None:
        timer: Timer | None = None
        if life.kill.moment == AT_RANDOM:
            timer = Timer(life.kill.after_s, _strike, (observer, life.kill.tools_too))
            timer.start()
        if life.late and self.sender.deliver(observer):
            with suppress(AssertionError):
                until(self._idle, "nothing is left", limit_s=_LATE_S)
            self._doom(life)
        if self.sender.deliver(observer):
            if life.kill.moment == "in the approval":
                self._answer_until_dead(observer)
            elif life.answers:
                self.sender.answer_all(observer)
        if timer is not None:
            timer.join()

    def _answer_until_dead(self, observer: ObserverProcess) -> None:
        deadline = time.monotonic() + _ASKED_LIMIT_S
        assert observer.process is not None
        while observer.process.poll() is None and time.monotonic() < deadline:
            self.sender.answer_all(observer, only_waiting=True)
            Event().wait(0.05)

    def _bury(self, observer: ObserverProcess, kill: Kill) -> None:
        process = observer.process
        assert process is not None
        moment = kill.moment
        try:
            process.wait(DEATH_LIMIT_S)
        except TimeoutExpired:
            observer.kill()
            self.missed.append(moment)
            moment = AT_RANDOM
        assert process.returncode == -signal.SIGKILL, observer.log[-4000:]
        self.deaths.append(moment)

    def _start(self, observer: ObserverProcess) -> bool:
        """False: it died before it listened, as it was ordered to."""
        at, left_over = time.time(), len(self._unfinished("queued", "running"))
        try:
            observer.start()
        except RuntimeError:
            assert observer.process is not None
            if observer.process.poll() != -signal.SIGKILL:
                raise
            self._note_start(at, left_over)
            return False
        self._note_start(at, left_over, time.time())
        return True

    def _note_start(self, at: float, left_over: int, ready_at: float | None = None) -> None:
        self.starts.append(Start(at, ready_at, left_over))

    def _unfinished(self, *statuses: str) -> list[tuple[str, str]]:
        """Key and payload of the events with one of these statuses."""
        marks = ", ".join("?" * len(statuses))
        query = f"SELECT event_key, payload FROM events WHERE status IN ({marks})"
        try:
            return [(key, payload) for key, payload in rows(self.data_dir, query, *statuses)]
        except OperationalError:
            # The very first process may die before it has made its tables.
            return []

    def _observer(self, program: str) -> ObserverProcess:
        return ObserverProcess(
            self.data_dir, config=self._config, env=_CONCURRENCY, program=program
        )

    def _idle(self) -> bool:
        return not self._unfinished("queued", "running")

    def _doom(self, life: Life) -> None:
        """Order the death, where it is ordered, and send what leads to it."""
        kill = life.kill
        if kill.order is None:
            return
        self.sender.queue([life.bait])
        if kill.order.when == "orphan":
            self._release_orphan()
        folder = self.data_dir if _by_daemon(kill) else self.pipeline
        order: dict[str, Any] = {"tool": kill.order.tool, "when": kill.order.when}
        (folder / "doom.json").write_text(json.dumps({**order, "skip": kill.skip}))

    def _release_orphan(self) -> None:
        """Let a tool server that outlived its daemon act, long after the survivor did, and end."""
        orphan = self.pipeline / "doom.orphan"
        if not orphan.exists():
            return
        release = self.pipeline / "doom.release"
        release.touch()
        pid = int(orphan.read_text())
        until(lambda: not alive(pid), "the orphan is done", limit_s=90)
        release.unlink()
        orphan.unlink()

    def _sicken(self) -> None:
        """Make the stages ill again, but for those that a remedy healed and no look confirmed."""
        state = self.pipeline / "pipeline_state.json"
        if not state.exists():
            return
        healed = self._healed_unconfirmed()
        with locked(self.pipeline):
            log = ActionLog(self.pipeline / "actions.jsonl")
            log.catch_up()
            if log.unapplied:
                return
            stages = json.loads(state.read_text())["stages"]
            ill = dict.fromkeys((stage for stage in STAGES if stage not in healed), "degraded")
            write_json(state, {"stages": {**stages, **ill}})

    def _healed_unconfirmed(self) -> set[str]:
        done = {action["key"].split("/")[2] for action in actions(self.data_dir)}
        unfinished = self._unfinished(*_UNFINISHED)
        return {json.loads(event)["stage"] for key, event in unfinished if key[:16] in done}


def _by_daemon(kill: Kill) -> bool:
    return kill.order is not None and kill.order.double == "daemon"


def _strike(observer: ObserverProcess, tools_too: bool) -> None:
    if tools_too:
        with suppress(AssertionError, FileNotFoundError, ProcessLookupError):
            os.kill(observer.tool_server_pid(), signal.SIGKILL)
    assert observer.process is not None
    observer.process.send_signal(signal.SIGKILL)
