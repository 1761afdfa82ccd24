"""From a delivery to committed events: recognised, given a session, written down, then promised."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from observer.domain.branch import covers, related
from observer.domain.event import Event, Severity, digest
from observer.domain.health import OURSELVES
from observer.domain.hold import may_begin
from observer.domain.lifecycle import Lifecycle
from observer.domain.occurrence import OUTSIDE
from observer.domain.severity import known_critical, uncounted
from observer.errors import InboxFull, ObserverUnavailable
from observer.lifecycle import LifecycleControl
from observer.recognition import Recognition
from observer.records.inbox import Inbox
from observer.services import Services
from observer.sources import Alert, OngoingAlert, RaisedAlert, ResolvedAlert
from observer.worker.requeue import Requeue


@dataclass(frozen=True)
class Accepted:
    """What the caller is told of one event."""

    event_id: str
    session_id: str
    duplicate: bool


class Intake:
    """The one way in."""

    def __init__(
        self, services: Services, inbox: Inbox, requeue: Requeue, lifecycle: LifecycleControl
    ) -> None:
        self._services = services
        self._requeue = requeue
        self._sessions = services.sessions
        self._events = services.events
        self._inbox = inbox
        self._lifecycle = lifecycle
        self._settings = services.configuration.observer
        self._tree = services.tree
        self._recognition = Recognition(services.events, self._settings.dedupe.window)
        self._numbering = asyncio.Lock()
        self._deriving = asyncio.Lock()
        self._resolving = asyncio.Lock()

    async def accept(self, source: str, alerts: list[Alert], body: bytes) -> list[Accepted]:
        """Commit the events of one delivery.

        Raises:
            ObserverUnavailable: the observer has FAILED or is stopping.
            InboxFull: as many events wait as may wait.
            RecordsUnavailable: they cannot be written down now.
        """
        if self._lifecycle.state not in (Lifecycle.RUNNING, Lifecycle.SUSPENDED):
            raise ObserverUnavailable(
                f"the observer is {self._lifecycle.state}: {self._lifecycle.reason}"
            )
        self._services.database.availability.refuse()
        body_hash = hashlib.sha256(body).hexdigest()
        accepted = [
            await self._accept(source, alert, f"{body_hash}:{i}") for i, alert in enumerate(alerts)
        ]
        self._services.drain.wake()
        return accepted

    async def _accept(self, source: str, alert: Alert, body_hash: str) -> Accepted:
        alert = self._placed(source, alert)
        if not isinstance(alert, OngoingAlert):
            return await self._accept_recognised(source, alert, body_hash)
        # Its number must be stored before the next one is counted.
        async with self._numbering:
            numbered = await self._recognition.numbered(source, alert)
            return await self._accept_recognised(source, numbered, body_hash)

    async def _accept_recognised(self, source: str, alert: Alert, body_hash: str) -> Accepted:
        because = None
        if not isinstance(alert, ResolvedAlert):
            because = uncounted(self._tree, alert.stage, _now())
        repeats = source != "native" and not isinstance(alert, RaisedAlert)
        if because is not None and alert.event_id is not None and repeats:
            # Its source repeats it: what has gone on since before the window counts in it.
            alert = alert.model_copy(update={"event_id": f"{alert.event_id}{OUTSIDE}"})
        event_ids = self._recognition.event_ids(source, alert, body_hash)
        known = await self._recognition.repeated(source, alert, event_ids)
        if known is not None:
            self._services.mission.note_duplicate()
            # Of an event whose data was deleted only the key is known.
            return Accepted(alert.event_id or known.event_id, known.session_id, duplicate=True)
        if isinstance(alert, ResolvedAlert):
            return await self._note_resolved(source, alert, event_ids[0], body_hash)
        if because is None and alert.severity is Severity.INFO:
            because = "INFO by its own severity"
        if because is not None:
            event = self._event(
                source, alert, event_ids[0], alert.session_id or _fresh_session(alert)
            )
            fresh = await self._sessions.acknowledge(
                event,
                body_hash=body_hash,
                severity=Severity.INFO,
                decision=f"acknowledged: {because}",
            )
            return await self._answer(event, fresh)
        if alert.session_id is not None:
            await self._refuse_when_full(source, alert)
            event = self._event(source, alert, event_ids[0], alert.session_id)
            return await self._enqueue(event, body_hash, fingerprint=None)
        # Two first events of one stage at the same time must find each other's session.
        async with self._deriving:
            return await self._join(source, alert, event_ids[0], body_hash)

    async def _join(self, source: str, alert: Alert, event_id: str, body_hash: str) -> Accepted:
        """Into an open session if there is a fitting one, and with an event that waits in it."""
        fingerprint = digest(alert.tenant_id, source, alert.stage)
        by_branch = self._settings.sessions.join == "branch" and alert.stage in self._tree
        if by_branch:
            session = await self._session_of_branch(alert)
        else:
            session = await self._events.open_session(alert.tenant_id, fingerprint)
        event = self._event(source, alert, event_id, session or _fresh_session(alert))
        if by_branch and session is not None:
            covered = partial(covers, new=event, tree=self._tree, at=_now())
            noted = await self._sessions.note(event, body_hash=body_hash, covers=covered)
            if noted is not None:
                return await self._answer(event, noted)
        await self._refuse_when_full(source, alert)
        return await self._enqueue(event, body_hash, fingerprint)

    async def _session_of_branch(self, alert: Alert) -> str | None:
        joinable = await self._events.joinable(alert.tenant_id)
        fitting = (s for s, about in joinable if related(self._tree, about, alert.stage))
        return next(fitting, None)

    async def _note_resolved(
        self, source: str, alert: ResolvedAlert, event_id: str, body_hash: str
    ) -> Accepted:
        """What fired is over: nothing is started, and nobody needs to be asked any more."""
        key = digest(alert.tenant_id, source, alert.resolves)
        outside = digest(alert.tenant_id, source, f"{alert.resolves}{OUTSIDE}")
        fired = await self._events.event(key) or await self._events.event(outside)
        session = fired.event.session_id if fired is not None else _fresh_session(alert)
        event = self._event(source, alert, event_id, session)
        # Of two that are over at once, one is the last.
        async with self._resolving:
            # First, because the sender tries again until the event is stored.
            await self._withdraw_question_about(key)
            fresh = await self._sessions.acknowledge(
                event,
                body_hash=body_hash,
                severity=event.severity,
                decision="noted: the alert was resolved",
                resolves=key,
            )
        return await self._answer(event, fresh)

    async def _withdraw_question_about(self, event_key: str) -> None:
        """Unless another alert still fires that the same question is about."""
        together = await self._events.looked_into_with(event_key)
        if together is None or together.others_fire:
            return
        approval = await self._services.approvals.pending_of(together.top)
        if approval is not None:
            await self._services.approvals.end(approval, "withdrawn", "the alert was resolved")
            await self._requeue.answer(approval)

    def _placed(self, source: str, alert: Alert) -> Alert:
        """Where the tree knows an alert's name, it says what the alert is about, not a label."""
        name = alert.labels.get("alertname")
        known = self._tree.of_alert(name) if name and source != "native" else None
        return alert if known is None else alert.model_copy(update={"stage": known})

    def _event(self, source: str, alert: Alert, event_id: str, session_id: str) -> Event:
        """The event as it is kept: nothing that may not be kept goes further than this."""
        redactor = self._services.redactor
        clean = redactor.note({"message": alert.message, "labels": alert.labels})
        return Event(
            event_id=event_id,
            tenant_id=alert.tenant_id,
            session_id=session_id,
            source=source,
            severity=alert.severity,
            stage=alert.stage,
            message=clean.value["message"],
            feature=alert.feature,
            occurred_at=alert.occurred_at,
            labels=clean.value["labels"],
            metrics={redactor.text(name): value for name, value in alert.metrics.items()},
            depth=alert.depth if isinstance(alert, RaisedAlert) else 0,
            subject=alert.subject if isinstance(alert, OngoingAlert | ResolvedAlert) else None,
            redacted=clean.rules,
        )

    async def _enqueue(self, event: Event, body_hash: str, fingerprint: str | None) -> Accepted:
        item = {
            "kind": "event",
            "event": event.model_dump(mode="json"),
            "body_hash": body_hash,
            "fingerprint": fingerprint,
        }
        lane = "critical" if known_critical(event, self._tree, _now()) else "normal"
        partition = digest(event.tenant_id, event.session_id)
        await self._inbox.put(item, item_id=event.key, lane=lane, session=partition)
        fresh = await self._sessions.admit(event, body_hash=body_hash, fingerprint=fingerprint)
        return await self._answer(event, fresh)

    async def _answer(self, event: Event, fresh: bool) -> Accepted:
        """Of two copies at the same time one was stored: both callers are told its session."""
        stored = None if fresh else await self._events.event(event.key)
        session_id = event.session_id if stored is None else stored.event.session_id
        return Accepted(event.event_id, session_id, duplicate=not fresh)

    async def _refuse_when_full(self, source: str, alert: Alert) -> None:
        if source == alert.stage == OURSELVES:
            return  # an alarm of our own: one for each time that a tenant is frozen
        queue, tenant = self._settings.queue, alert.tenant_id
        critical = known_critical(alert, self._tree, _now())
        limit = queue.max_pending + (queue.critical_reserve if critical else 0)
        views = self._services.session_views
        pending = await views.pending()
        held, others = pending["held"], pending["queued"] + pending["running"]
        if not self._services.holds.of_everybody() and held + others < 2 * limit:
            # However much is held, half of the inbox is for the tenants that are not.
            held = min(held, limit // 2)
        if held + others >= limit:
            raise InboxFull(f"{limit} events wait already")
        # Who begins all the same, as a CRITICAL does, takes no room from others.
        own = [hold for hold in self._services.holds.of(tenant) if hold.tenant_id == tenant]
        waits = not may_begin(own, critical=critical)
        if waits and await views.waiting(tenant) >= limit // 2:
            raise InboxFull(f"'{tenant}' is held, and {limit // 2} of its events wait already")


def _fresh_session(alert: Alert) -> str:
    return f"{alert.stage[:60]}-{uuid.uuid4().hex[:12]}"


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
