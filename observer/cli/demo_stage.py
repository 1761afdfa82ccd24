"""What a scenario works with: send an event, watch its session live, note whether a claim holds."""

import json
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from observer.cli.demo_daemon import DaemonFailed, DemoDaemon
from observer.cli.http import ObserverClient, path_to
from observer.cli.render import call, console, inert, marked, shorten
from observer.cli.send import deliver, headline, native_event

ENDED = frozenset({"acknowledged", "resolved", "escalated", "failed", "suspended"})
POLL_EVERY = 0.2
PATIENCE = 60.0
NOT_FOUND = 404


class Stage:
    """One scenario's run. With `quiet`, the story goes to stderr: stdout is for the JSON."""

    def __init__(
        self, observer: ObserverClient, daemon: DemoDaemon, *, quiet: bool = False
    ) -> None:
        self.observer = observer
        self.daemon = daemon
        self.data_dir = daemon.data_dir
        self.quiet = quiet
        self.checks: list[dict[str, Any]] = []
        self.sessions: list[dict[str, Any]] = []
        self._out = console(err=quiet)
        self._shown: set[tuple[str, int]] = set()

    def say(self, line: object = "") -> None:
        self._out.print(inert(line), soft_wrap=True)

    def send(self, name: str, **fields: Any) -> str:
        """Post one of the lab's events, with some fields of its own; give its session."""
        event = {**native_event(name), **fields}
        body = json.dumps(event).encode()
        answer = deliver(self.observer, "/alerts", body, secret=None)
        self.say()
        self.say(f"[{answer.status}] {headline(event)}")
        return str(answer.or_refuse()["events"][0]["session_id"])

    def follow(
        self, session_id: str, until: Collection[str] = ENDED, *, tenant: str = "default"
    ) -> dict[str, Any]:
        """Show each tool call as its result comes in, until the session is where it should be."""
        deadline = time.monotonic() + PATIENCE
        status = None
        while time.monotonic() < deadline:
            answer = self.observer.get(path_to("sessions", session_id), tenant_id=tenant)
            # Accepted and not yet begun: there is nothing to show.
            if answer.status != NOT_FOUND:
                session = answer.or_refuse()
                status = session["status"]
                self._show_calls(session, settled_only=status not in until)
                if status in until:
                    self._show_outcome(session)
                    return session
            time.sleep(POLL_EVERY)
        raise DaemonFailed(
            f"Session {session_id} is still {status!r} after {PATIENCE:.0f} s: "
            f"expected {', '.join(sorted(until))}."
        )

    def keep(self, session: dict[str, Any]) -> None:
        """Remember how a session ended, for the record."""
        self.sessions.append(session)

    def world(self, name: str) -> Any:
        """One file of the lab's world, as anybody could `cat` it; None if it is not there."""
        try:
            return json.loads((self.data_dir / "pipeline" / f"{name}.json").read_text())
        except (OSError, ValueError) as error:
            self.say(f"{name}.json: {error}")
            return None

    def show_world(self, *names: str) -> None:
        for name in names:
            self.say()
            self.say(f"{name}.json")
            rows = json.dumps(self.world(name), indent=2, ensure_ascii=False).splitlines()
            for row in rows:
                self.say(row)

    def check(self, claim: str, holds: bool, found: object = None) -> None:
        """Note and print one claim; where it fails, say what was found instead."""
        self.checks.append({"claim": claim, "ok": holds, "found": found})
        instead = "" if holds or found is None else f" (found: {inert(found)})"
        self._out.print(marked("ok" if holds else "not ok", claim + instead), soft_wrap=True)

    def passed(self) -> bool:
        """True when there were claims and all of them hold: no check is no success."""
        return bool(self.checks) and all(check["ok"] for check in self.checks)

    def record(self) -> dict[str, Any]:
        return {"checks": self.checks, "sessions": self.sessions}

    def _show_calls(self, session: dict[str, Any], *, settled_only: bool) -> None:
        for index, row in enumerate(session.get("transitions") or []):
            seen = (session["session_id"], index)
            if seen in self._shown or (settled_only and row["status"] == "intent"):
                continue
            self._shown.add(seen)
            said = call(row["tool_name"], row.get("args"))
            line = f"{said} -> {shorten(row.get('result_summary'), 110)}"
            self._out.print(marked(row["status"], line, indent=2), soft_wrap=True)

    def _show_outcome(self, session: dict[str, Any]) -> None:
        calls = len(session.get("transitions") or [])
        outcome = session.get("outcome")
        more = f" ({inert(outcome)})" if outcome and outcome != session["status"] else ""
        self.say(f"  = {session['status']}{more}, {calls} tool calls")


def nothing_more(data_dir: Path, config: Path) -> AbstractContextManager[Mapping[str, str]]:
    """The demo's directories as they are, and no more environment."""
    return nullcontext({})


@dataclass(frozen=True)
class Scenario:
    """What is played, and what the daemon that it is played on is told by the environment."""

    play: Callable[[Stage], None]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    setting: Callable[[Path, Path], AbstractContextManager[Mapping[str, str]]] = nothing_more
    """Entered before the daemon starts and left after it stopped, with the data directory and the
    configuration's: for a peer, a file, a configuration of its own. Gives more environment."""
