"""The one door to tools. For every call, in this order: policy, holds and health, budget, intent,
call, result, span, observation. Nothing that a model, an alert or a log says can skip a step.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from observer.domain.autonomy import Bounds
from observer.domain.calls import Call, CallStatus, Observation, Purpose, Run
from observer.domain.hold import why_frozen
from observer.domain.redaction import Redactor
from observer.domain.remedy import Remedy, Ruling, RulingKind, Wait
from observer.domain.span import Span, SpanKind, span_of
from observer.gateway.budgets import Budgets
from observer.gateway.effects import Effects
from observer.gateway.mcp_sessions import KEY, McpSessions
from observer.gateway.policy import Policy
from observer.gateway.replies import Reply
from observer.gateway.run_health import RunHealth
from observer.gateway.undeclared import Undeclared
from observer.records.holds import Holds
from observer.records.ledger import Ledger, Transition
from observer.records.questions import Questions
from observer.records.spans import new_id, now_ms

_SUMMARY_LENGTH = 300
_LOOKED_AT = 4096
"""Characters of an answer that a summary is made of: nothing is cut through within its length."""


class Dispatcher:
    """Carries out one decided call."""

    def __init__(
        self,
        sessions: McpSessions,
        ledger: Ledger,
        questions: Questions,
        policy: Policy,
        holds: Holds,
        run_health: RunHealth,
        budgets: Budgets,
        redactor: Redactor,
        *,
        reads_valid_for_s: float,
    ) -> None:
        self._sessions = sessions
        self._effects = Effects(sessions, ledger, holds)
        self._ledger = ledger
        self._questions = questions
        self._policy = policy
        self._holds = holds
        self._run_health = run_health
        self._budgets = budgets
        self._redactor = redactor
        self._reads_valid_for_s = reads_valid_for_s
        self._undeclared = Undeclared()

    async def rule_on(self, remedy: Remedy, run: Run) -> Ruling:
        """What may become of a remedy, before anybody was asked."""
        return await self._policy.on_remedy(remedy, run)

    async def read(self, call: Call, *, key: str, run: Run) -> Observation:
        """One look. A tool that is not a read by autonomy.yaml is refused."""
        ruling = self._policy.on_read(call, run)
        earlier = await self._ledger.find(key) if run.resumed else None
        return await self._dispatch(call, Purpose.READ, ruling, earlier, key=key, run=run)

    async def remedy(
        self, remedy: Remedy, step: int, *, key: str, run: Run, rollback: bool = False
    ) -> Observation:
        """One step of a remedy; what needs a person's word runs only with exactly that word.

        After its first action neither a freeze nor a budget leaves it half done.
        """
        call = (remedy.rollback if rollback else remedy.steps)[step]
        if isinstance(call, Wait):
            raise TypeError("a wait is no call")
        earlier = await self._ledger.find(key)
        begun = earlier is not None
        ruling, bounds = await self._policy.on_step(call, remedy, run, begun=begun)
        if bounds is not None and remedy.approval_id is not None:
            if await self._questions.permits(remedy.approval_id, run.incident, remedy.fingerprint):
                ruling = Ruling(RulingKind.ALLOW, f"approved: {remedy.approval_id}")
                bounds = Bounds(bounds.node)
            elif ruling.kind is not RulingKind.ALLOW:
                ruling = Ruling(RulingKind.REFUSE, "the approval is not for this action")
        return await self._dispatch(
            call,
            Purpose.REMEDY,
            ruling,
            earlier,
            key=key,
            run=run,
            bounds=bounds,
            under_way=remedy.begun_before(step, rollback=rollback),
        )

    async def notify(self, call: Call, *, key: str, run: Run) -> Observation:
        """One notification or ticket; exempt from the budget, tried again where it failed."""
        ruling = self._policy.on_notice(call, run)
        told = self._redactor.note(call.args)
        call = Call(call.tool, told.value)
        earlier = await self._ledger.find(key)
        return await self._dispatch(
            call, Purpose.NOTIFY, ruling, earlier, key=key, run=run, redacted=told.rules
        )

    async def _dispatch(
        self,
        call: Call,
        purpose: Purpose,
        ruling: Ruling,
        earlier: Transition | None,
        *,
        key: str,
        run: Run,
        bounds: Bounds | None = None,
        under_way: bool = False,
        redacted: Sequence[str] = (),
    ) -> Observation:
        if earlier is not None and not earlier.intent_only and self._still_good(earlier, purpose):
            return earlier.observation
        started, clock = now_ms(), time.monotonic()
        if ruling.kind is not RulingKind.ALLOW:
            reply = Reply(CallStatus.REFUSED, None, ruling.reason, reached=False)
        elif why := await self._why_not_now(
            call, earlier, purpose, key=key, run=run, under_way=under_way
        ):
            reply = Reply(CallStatus.REFUSED, None, why, reached=False)
        elif purpose is Purpose.READ:
            reply = await self._read(call)
        else:
            reply = await self._effects.have(
                call,
                purpose,
                bounds,
                key=key,
                run=run,
                bare_intent=earlier is not None,
                freezes=purpose is Purpose.REMEDY and not under_way,
            )
        self._budgets.settle(key, made=reply.status is not CallStatus.REFUSED)
        found = self._redactor.result(call.tool, reply.payload)
        said = self._redactor.note(reply.text if reply.payload is None else _as_text(found.value))
        summary = said.value[:_SUMMARY_LENGTH]
        observation = Observation(key, call.tool, reply.status, summary)
        span = self._span(
            call,
            observation,
            run,
            [*redacted, *found.rules, *said.rules],
            started,
            (time.monotonic() - clock) * 1000,
        )
        self._undeclared.warn(call.tool, span.redacted or ())
        await self._ledger.record_observation(
            call,
            observation,
            purpose=purpose,
            run=run,
            payload=found.value,
            span=span,
        )
        await self._run_health.note_call(call, observation, purpose=purpose, run=run)
        return observation

    def _still_good(self, earlier: Transition, purpose: Purpose) -> bool:
        """What was done stays done; a look grows old, and who was not reached is tried again."""
        match purpose:
            case Purpose.READ:
                return time.time() - earlier.recorded_at <= self._reads_valid_for_s
            case Purpose.NOTIFY:
                return earlier.observation.ok
            case Purpose.REMEDY:
                return True

    async def _read(self, call: Call) -> Reply:
        """A look that the server's death cut short is repeated once: it changes nothing."""
        reply = await self._sessions.call(call.tool, call.args)
        if reply.status is CallStatus.UNKNOWN:
            reply = await self._sessions.call(call.tool, call.args)
        return reply

    async def _why_not_now(
        self,
        call: Call,
        earlier: Transition | None,
        purpose: Purpose,
        *,
        key: str,
        run: Run,
        under_way: bool,
    ) -> str | None:
        """Why a call that is allowed must not be made; people are always told.

        One that goes on was counted when it began, and what it did has to be found out.
        """
        goes_on = earlier is not None and earlier.intent_only
        if purpose is Purpose.NOTIFY or goes_on:
            return None
        if under_way:
            await self._budgets.count(call, key=key, run=run)
            return None
        return await self.why_over(run) or await self._budgets.refusal(call, key=key, run=run)

    async def why_over(self, run: Run) -> str | None:
        """Why the run may neither look nor act, whatever is left of its budget; None: it may."""
        frozen = why_frozen(self._holds.of(run.incident.tenant_id))
        return frozen or await self._run_health.refusal(run)

    def _span(
        self,
        call: Call,
        observation: Observation,
        run: Run,
        fired: list[str],
        started: int,
        latency_ms: float,
    ) -> Span:
        args = self._redactor.arguments(call.tool, {**call.args, KEY: observation.key})
        return span_of(
            run,
            SpanKind.TOOL_CALL,
            name=call.tool,
            span_id=new_id(),
            started_ms=started,
            latency_ms=latency_ms,
            status=observation.status,
            tool_name=call.tool,
            tool_version=self._sessions.version(call.tool),
            args_redacted=args.value,
            redacted=list(dict.fromkeys([*args.rules, *fired])) or None,
            result_summary=observation.summary,
            blast_radius_class=self._policy.blast_radius(call),
        )

    def forget(self, event_key: str) -> None:
        """The event is done: its budget is closed."""
        self._run_health.forget(event_key)
        self._budgets.forget(event_key)
        self._policy.forget(event_key)


def _as_text(payload: object) -> str:
    return json.dumps(payload, ensure_ascii=False)[:_LOOKED_AT]
