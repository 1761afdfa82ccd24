"""Whether each run still gets anywhere: told of every call and answer, asked before the next."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from observer.domain.calls import Call, Observation, Purpose, Run
from observer.domain.event import Incident, Severity
from observer.domain.health import Finding, Limits, MadeCall, RunHistory, progress_lacks
from observer.domain.hold import HoldCause
from observer.records.database import Database
from observer.records.holds import Holds
from observer.records.journal import Journal
from observer.records.progress import Progress

_LATEST = 5

OnAnomaly = Literal["escalate", "pause", "stop"]


class RunHealth:
    """The histories of the events in hand; each is one event's alone, whatever runs beside it."""

    def __init__(
        self,
        limits: Limits,
        on_anomaly: OnAnomaly,
        progress: Progress,
        holds: Holds,
        database: Database,
        journal: Journal,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._limits = limits
        self._on_anomaly = on_anomaly
        self._progress = progress
        self._holds = holds
        self._database = database
        self._journal = journal
        self._now = now
        self._histories: dict[str, RunHistory] = {}
        self._noted: set[str] = set()
        self._latest: deque[dict[str, Any]] = deque(maxlen=_LATEST)

    def latest(self) -> list[dict[str, Any]]:
        """The last anomalies that this process saw, the newest first."""
        return list(reversed(self._latest))

    async def refusal(self, run: Run) -> str | None:
        """Why the run may neither look nor act any more: its anomaly, or None."""
        history = await self._history(run.incident, resumed=run.resumed)
        await self._follow(history, run)
        return None if history.finding is None else history.finding.reason

    async def note_call(
        self, call: Call, observation: Observation, *, purpose: Purpose, run: Run
    ) -> None:
        """A call ended."""
        history = await self._history(run.incident, resumed=run.resumed)
        history.note_call(
            MadeCall(
                key=observation.key,
                place=observation.key.removeprefix(run.incident.key("")),
                tool=call.tool,
                input_hash=call.input_hash,
                purpose=purpose,
                status=observation.status,
            )
        )
        await self._follow(history, run)

    async def note_answer(self, run: Run, text: str) -> None:
        """A provider's model answered; the runbook's own answers say nothing about a model.

        What no event is handled by, such as a verdict on the mission, is INFO: nothing is watched.
        """
        if run.incident.severity is Severity.INFO:
            return
        history = await self._history(run.incident, resumed=run.resumed)
        history.note_answer(text)
        await self._follow(history, run)

    async def lacking(self, incident: Incident, outcome: str) -> Finding | None:
        """Whether the handling of an event that is over made no progress, and why."""
        if outcome != "escalated":
            return None
        history = await self._history(incident, resumed=True)
        again = await self._progress.done_again(incident, self._limits.stuck_threshold)
        return progress_lacks(outcome, history.finding, again)

    def forget(self, event_key: str) -> None:
        """The event is done."""
        self._histories.pop(event_key, None)
        self._noted.discard(event_key)

    async def _history(self, incident: Incident, *, resumed: bool) -> RunHistory:
        history = self._histories.get(incident.event_key)
        if history is not None:
            return history
        made = await self._progress.calls_of(incident) if resumed else []
        # A look that goes on beside this one may have opened it meanwhile.
        return self._histories.setdefault(incident.event_key, RunHistory(self._limits, made))

    async def _follow(self, history: RunHistory, run: Run) -> None:
        """Note an anomaly, once, and hold whom the configuration says."""
        incident, finding = run.incident, history.finding
        if finding is None or incident.event_key in self._noted:
            return
        self._noted.add(incident.event_key)
        try:
            await self._note(finding, run)
        except BaseException:
            self._noted.discard(incident.event_key)
            raise

    async def _note(self, finding: Finding, run: Run) -> None:
        incident = run.incident
        who = {"tenant_id": incident.tenant_id, "session_id": incident.session_id}
        what = {"anomaly": finding.anomaly, "seen": finding.seen}
        await self._database.write(
            lambda c: self._journal.append(
                c, "health", **who, trace_id=run.trace_id, **what, then=self._on_anomaly
            )
        )
        if self._on_anomaly != "escalate":
            whom = incident.tenant_id if self._on_anomaly == "pause" else None
            reason = f"session {incident.session_id}: {finding.reason}"
            await self._holds.put(whom, HoldCause.HEALTH, reason)
        self._latest.append({**who, **what, "at": self._now()})
