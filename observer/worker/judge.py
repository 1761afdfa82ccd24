"""Judges the mission beside the events: advice, which stops nothing and delays nobody."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from observer.domain.calls import Run
from observer.domain.event import Incident, Severity, digest
from observer.domain.lifecycle import Lifecycle
from observer.domain.mission import OWN_SESSION, OWN_TENANT, Judgement, Snapshot, snapshot_of
from observer.domain.mission_rules import figures, judge, trend
from observer.domain.report import inert
from observer.errors import ModelsExhausted, RecordsUnavailable
from observer.lifecycle import LifecycleControl
from observer.records.failures import PULSE_S
from observer.records.mission import Due
from observer.records.spans import new_id
from observer.services import Services

logger = logging.getLogger("observer.mission")

_ADVICE_LENGTH, _REASON_LENGTH = 600, 300


async def snapshot_now(services: Services) -> Snapshot:
    """The figures of the window that ends now."""
    terms, now = services.configuration.observer.mission.terms, time.time()
    activity = await services.activity.since(now - terms.window_s)
    return snapshot_of(activity, services.tree, terms, now)


class MissionJudge:
    """Two background tasks: one says that the observer sees, one gives the verdicts due."""

    def __init__(self, services: Services, lifecycle: LifecycleControl) -> None:
        self._services = services
        self._lifecycle = lifecycle
        self._terms = services.configuration.observer.mission.terms
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin with what an earlier process left due."""
        for work in (self._watch, self._judge):
            self._tasks.append(asyncio.create_task(self._for_ever(work)))

    async def stop(self) -> None:
        """At once: a verdict under way stays due, and the next process gives it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(RecordsUnavailable):
            await self._see()

    async def _for_ever(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except Exception as error:
                logger.error("the mission cannot be followed, will try again: %s", error)
                await asyncio.sleep(PULSE_S)

    async def _watch(self) -> None:
        await self._see()
        await asyncio.sleep(PULSE_S)

    async def _see(self) -> None:
        # In any other state events are refused, and what happens then nobody knows.
        if self._lifecycle.state in (Lifecycle.RUNNING, Lifecycle.SUSPENDED):
            await self._services.failures.watching()
        else:
            self._services.failures.blind()
        await self._services.mission.write_duplicates()

    async def _judge(self) -> None:
        mission = self._services.mission
        await mission.wanted.wait()
        mission.wanted.clear()
        try:
            while (due := await mission.due()) is not None:
                await self._give(due)
        except Exception:
            mission.wanted.set()
            raise

    async def _give(self, due: Due) -> None:
        services = self._services
        snapshot = due.snapshot
        if snapshot is None:
            # What waits to be written belongs to it, and the time up to now.
            await services.spans.flush()
            await self._see()
            snapshot = await snapshot_now(services)
            await services.mission.keep_snapshot(due.runs, snapshot)
        change = trend(snapshot, await services.mission.before(due.runs), self._terms)
        run = self._run(due)
        step = await services.steps.begin(run, "judge", leads=True)
        judgement, model_id = await self._ask(snapshot, change, run)
        why = services.redactor.note("; ".join(judgement.reasons))
        services.steps.end(step, "success", why)
        services.steps.forget(run.trace_id)
        services.spans.later(
            lambda c: services.spans.end_run(
                c, run.incident, run.trace_id, status="success", outcome=judgement.verdict
            )
        )
        await services.spans.flush()
        await services.mission.keep_verdict(
            due,
            judgement,
            trend=change,
            model_id=model_id,
            trace_id=run.trace_id,
            percent=snapshot.uptime.percent,
        )
        services.drain.wake()
        await self._forget()

    async def _ask(self, snapshot: Snapshot, change: str | None, run: Run) -> tuple[Judgement, str]:
        terms = self._terms
        facts = {
            "objective": terms.objective,
            "success_criteria": terms.success_criteria,
            "figures": [
                *figures(snapshot, terms),
                f"Against the snapshot before: {change or 'there is none'}",
            ],
            "snapshot": snapshot.model_dump(mode="json"),
            "terms": terms.model_dump(mode="json"),
        }
        try:
            answer = await self._services.models.ask(
                "judge", "mission", Judgement, facts=facts, run=run
            )
        except ModelsExhausted:
            return judge(snapshot, terms), "rules"
        said = answer.value
        return (
            Judgement(
                verdict=said.verdict,
                advice=inert(said.advice, _ADVICE_LENGTH),
                reasons=[inert(reason, _REASON_LENGTH) for reason in said.reasons],
            ),
            answer.model_id,
        )

    def _run(self, due: Due) -> Run:
        """Each verdict is a run of its own, with its own trace."""
        event_id = f"mission-{due.runs}"
        incident = Incident(
            tenant_id=OWN_TENANT,
            session_id=OWN_SESSION,
            event_id=event_id,
            event_key=digest(OWN_TENANT, OWN_SESSION, event_id),
            stage=OWN_SESSION,
            message=self._terms.objective,
            severity=Severity.INFO,
            severity_reason="nothing happened; the observer judges itself",
            feature=OWN_SESSION,
        )
        return Run(incident, trace_id=new_id(), step=0, span_id=new_id())

    async def _forget(self) -> None:
        kept_s = self._services.configuration.observer.retention.days * 86400
        before = time.time() - max(kept_s, self._terms.window_s)
        await self._services.failures.forget(before)
        # What a broken journal has not written yet is nowhere else.
        if self._services.drain.broken is None:
            await self._services.mission.forget(before)
