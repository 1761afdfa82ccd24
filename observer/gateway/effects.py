"""Has an effect once: intent, call, and a look by key before anything unclear is repeated."""

from __future__ import annotations

import asyncio

from observer.domain.autonomy import Bounds
from observer.domain.calls import Call, CallStatus, Purpose, Run
from observer.domain.hold import why_frozen
from observer.errors import CapReached, KillSwitchOn
from observer.gateway.mcp_sessions import KEY, McpSessions
from observer.gateway.replies import Reply, reply_from_result
from observer.records.holds import Holds
from observer.records.ledger import Ledger

_TRIES = 3
_RETRY_S = 0.5


class Effects:
    """Carries out what changes something, remedies and notifications."""

    def __init__(self, sessions: McpSessions, ledger: Ledger, holds: Holds) -> None:
        self._sessions = sessions
        self._ledger = ledger
        self._holds = holds

    async def have(
        self,
        call: Call,
        purpose: Purpose,
        bounds: Bounds | None,
        *,
        key: str,
        run: Run,
        bare_intent: bool,
        freezes: bool,
    ) -> Reply:
        """One effect, whatever becomes of the process in the middle.

        What is refused after a try was sent is unknown, not refused: a person decides.

        Args:
            call: what to do.
            purpose: why.
            bounds: within what it may be done, by the intent.
            key: under which the backend knows it.
            run: whose it is.
            bare_intent: whether an earlier run wrote the intent and no result.
            freezes: whether a frozen tenant's is refused.
        """
        sent = False
        unclear: Reply | None = (
            Reply(CallStatus.UNKNOWN, None, "an earlier run was cut after its intent")
            if bare_intent
            else None
        )
        reply = Reply(CallStatus.UNKNOWN, None, "not tried")
        for attempt in range(_TRIES):
            if attempt:
                await asyncio.sleep(_RETRY_S * attempt)
            if unclear is not None:
                found = await self._sessions.look_up(call.tool, key)
                if found is None:
                    reply = Reply(
                        CallStatus.UNKNOWN,
                        None,
                        f"{unclear.text}; it cannot be told whether it was done",
                    )
                    continue
                if (found.payload or {}).get("found"):
                    return reply_from_result((found.payload or {}).get("result"))
            why = why_frozen(self._holds.of(run.incident.tenant_id)) if freezes else None
            if why is None:
                why = await self._intend(call, purpose, bounds, key=key, run=run)
            if why is not None and unclear is not None and sent:
                return Reply(CallStatus.UNKNOWN, None, f"{unclear.text}; not tried again: {why}")
            if why is not None:
                return Reply(CallStatus.REFUSED, None, why, reached=False)
            keyed = {KEY: key} if self._sessions.takes_key(call.tool) else {}
            reply = await self._sessions.call(call.tool, {**call.args, **keyed})
            if reply.status in (CallStatus.TIMEOUT, CallStatus.UNKNOWN):
                unclear, sent = reply, True
            elif reply.reached:
                return reply
        return reply if unclear is None else Reply(CallStatus.UNKNOWN, None, reply.text)

    async def _intend(
        self, call: Call, purpose: Purpose, bounds: Bounds | None, *, key: str, run: Run
    ) -> str | None:
        """Write the intent down; where the kill switch or a cap refuses it, why."""
        try:
            await self._ledger.intend(call, key=key, purpose=purpose, run=run, bounds=bounds)
        except (KillSwitchOn, CapReached) as error:
            return str(error)
        return None
