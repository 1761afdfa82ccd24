"""What we did to the world (seed 001, steps 1 and 2): intent, then effect, then result."""

from __future__ import annotations

import json
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from observer.domain.autonomy import Bounds, Quota
from observer.domain.calls import Call, CallStatus, Observation, Purpose, Run
from observer.domain.redaction import Redacted
from observer.domain.span import Span
from observer.errors import CapReached, KillSwitchOn
from observer.records.database import Connection, Database
from observer.records.journal import Journal
from observer.records.kill_switch import KillSwitch
from observer.records.remedy_counts import why_spent
from observer.records.spans import Spans

_RECENT = 512
"""Payloads kept in memory, beside the database."""

_LEDGER_STATUS = {
    CallStatus.SUCCESS: "done",
    CallStatus.UNKNOWN: "unknown",
}


@dataclass(frozen=True)
class Transition:
    """A row of the ledger, as far as a resumed run needs it."""

    observation: Observation
    intent_only: bool
    recorded_at: float
    """Unix time."""


class Ledger:
    """The one writer of `state_transitions`."""

    def __init__(self, database: Database, journal: Journal, spans: Spans) -> None:
        self._database = database
        self._journal = journal
        self._spans = spans
        self._kill_switch = KillSwitch(database, journal)
        self._recent: OrderedDict[str, Any] = OrderedDict()

    async def intend(
        self, call: Call, *, key: str, purpose: Purpose, run: Run, bounds: Bounds | None = None
    ) -> None:
        """Write down what is about to be done, durably, before it is done.

        Raises:
            KillSwitchOn: it is a remedy's, and the kill switch is on.
            CapReached: another session's call came first, and this one is beyond its bounds.
        """
        args = self._journal.arguments(call.tool, call.args)

        def work(connection: Connection) -> str | None:
            tenant = run.incident.tenant_id
            if purpose is Purpose.REMEDY and (
                switched_off := self._kill_switch.why_refused_in(connection, tenant)
            ):
                return switched_off
            if bounds and (why := why_spent(connection, tenant, bounds.quotas, but=key)):
                raise CapReached(why)
            node = bounds.node if bounds is not None else None
            _upsert(connection, call, args, key, purpose, run, status="intent", target=node)
            # The ruling that lets it be done is among them, and belongs before the effect.
            self._spans.flush_into(connection)
            tags = _tags(call, args, key, purpose, run)
            self._journal.append(connection, "call", **tags)
            return None

        if (switched_off := await self._database.write(work)) is not None:
            raise KillSwitchOn(switched_off)

    async def record_observation(
        self,
        call: Call,
        observation: Observation,
        *,
        purpose: Purpose,
        run: Run,
        payload: Any,
        span: Span,
    ) -> None:
        """Write the result, its span and its journal line in one durable transaction."""
        args = self._journal.arguments(call.tool, call.args)
        self._remember(observation.key, payload)

        def work(connection: Connection) -> None:
            _upsert(
                connection,
                call,
                args,
                observation.key,
                purpose,
                run,
                status=_LEDGER_STATUS.get(observation.status, "failed"),
                observation=observation,
                payload=payload,
            )
            self._spans.emit(span, connection)
            self._spans.flush_into(connection)
            kind = "notification" if purpose is Purpose.NOTIFY else "observation"
            ended = {"status": observation.status, "result": observation.summary}
            shown = Redacted(args.value, span.redacted or [])
            tags = _tags(call, shown, observation.key, purpose, run)
            self._journal.append(connection, kind, **tags, **ended)

        await self._database.write(work)

    async def find(self, key: str) -> Transition | None:
        """What an earlier run recorded under this key."""
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT * FROM state_transitions WHERE idempotency_key = ?", (key,)
            ).fetchone()
        )
        if row is None:
            return None
        status = CallStatus(row["result_status"] or CallStatus.UNKNOWN)
        observation = Observation(key, row["tool_name"], status, row["result_summary"] or "")
        return Transition(observation, row["status"] == "intent", row["timestamp"])

    async def payloads(self, observations: Sequence[Observation]) -> dict[str, Any]:
        """The recorded results of observations, by key; failed ones have none."""
        known = {o.key: self._recent[o.key] for o in observations if o.key in self._recent}
        keys = [o.key for o in observations if o.key not in known]
        if not keys:
            return {key: payload for key, payload in known.items() if payload is not None}
        marks = ", ".join("?" * len(keys))
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT idempotency_key, payload FROM state_transitions"
                f" WHERE idempotency_key IN ({marks}) AND payload IS NOT NULL",
                keys,
            ).fetchall()
        )
        read = {row["idempotency_key"]: json.loads(row["payload"]) for row in rows}
        return {**read, **{key: payload for key, payload in known.items() if payload is not None}}

    def _remember(self, key: str, payload: Any) -> None:
        """The next nodes of the same run ask for it within milliseconds."""
        self._recent[key] = payload
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)

    async def why_spent(
        self, tenant_id: str, quotas: Sequence[Quota], ahead: Counter[Quota] | None = None
    ) -> str | None:
        """Which cap one more call of a tenant's remedies would go beyond, after those ahead."""
        if not quotas:
            return None
        return await self._database.read(lambda c: why_spent(c, tenant_id, quotas, ahead=ahead))

    async def calls_used(self, event_key: str) -> int:
        """How many budgeted calls the handling of an event has made; refused ones were not."""
        row = await self._database.read(
            lambda c: c.execute(
                "SELECT count(*) FROM state_transitions WHERE event_key = ? AND purpose != ?"
                " AND coalesce(result_status, '') != ?",
                (event_key, Purpose.NOTIFY, CallStatus.REFUSED),
            ).fetchone()
        )
        return int(row[0])

    async def of_session(self, tenant_id: str, session_id: str) -> list[dict[str, Any]]:
        """Every transition of a session, in order."""
        rows = await self._database.read(
            lambda c: c.execute(
                "SELECT session_id, trace_id, tenant_id, iteration, tool_name, tool_input_hash,"
                " args, idempotency_key, status, result_status, result_summary, timestamp"
                " FROM state_transitions"
                " WHERE tenant_id = ? AND session_id = ? ORDER BY id",
                (tenant_id, session_id),
            ).fetchall()
        )
        return [{**dict(row), "args": json.loads(row["args"])} for row in rows]


def _tags(call: Call, args: Redacted, key: str, purpose: Purpose, run: Run) -> dict[str, Any]:
    incident = run.incident
    return {
        "tenant_id": incident.tenant_id,
        "session_id": incident.session_id,
        "trace_id": run.trace_id,
        "tool": call.tool,
        "args": args.value,
        "idempotency_key": key,
        "purpose": purpose,
        "step": run.step,
        **({"redacted": args.rules} if args.rules else {}),
    }


def _upsert(
    connection: Connection,
    call: Call,
    args: Redacted,
    key: str,
    purpose: Purpose,
    run: Run,
    *,
    status: str,
    observation: Observation | None = None,
    payload: Any = None,
    target: str | None = None,
) -> None:
    incident = run.incident
    connection.execute(
        "INSERT INTO state_transitions (session_id, trace_id, tenant_id, event_key, iteration,"
        " purpose, tool_name, tool_input_hash, args, idempotency_key, status, result_status,"
        " result_summary, payload, timestamp, target)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (idempotency_key) DO UPDATE SET status = excluded.status,"
        " result_status = excluded.result_status, result_summary = excluded.result_summary,"
        " payload = excluded.payload, timestamp = excluded.timestamp",
        (
            incident.session_id,
            run.trace_id,
            incident.tenant_id,
            incident.event_key,
            run.step,
            purpose,
            call.tool,
            call.input_hash,
            json.dumps(args.value, ensure_ascii=False, default=str),
            key,
            status,
            None if observation is None else observation.status,
            None if observation is None else observation.summary,
            None if payload is None else json.dumps(payload),
            time.time(),
            target,
        ),
    )
