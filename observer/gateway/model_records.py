"""What is written down of the models: a span of each call, and what went wrong with which."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage

from observer.domain.breaker import BreakerState
from observer.domain.budget import NANO
from observer.domain.calls import Run
from observer.domain.span import SpanKind, span_of
from observer.gateway.answers import Empty, version_of
from observer.gateway.bills import Charge
from observer.gateway.question import Question
from observer.records.journal import Journal
from observer.records.spans import Spans, new_id, now_ms


class Timing:
    """When a call began, and how long ago that is."""

    def __init__(self) -> None:
        self.began_ms = now_ms()
        self._clock = time.monotonic()

    @property
    def latency_ms(self) -> float:
        """Milliseconds since it began."""
        return (time.monotonic() - self._clock) * 1000


@dataclass(frozen=True)
class Try:
    """One model asked once."""

    id: str
    """Of its span, and of the money that is set aside for it."""
    name: str
    number: int
    question: Question[Any]
    timing: Timing


class ModelRecords:
    """Writes with the next flush; `keep` is one."""

    def __init__(self, spans: Spans, journal: Journal, *, temperature: float) -> None:
        self._spans = spans
        self._journal = journal
        self._temperature = temperature

    def answered(self, tried: Try, raw: AIMessage, charge: Charge) -> None:
        """A call whose answer is used."""
        self._call(tried, raw, charge, "success", charge.doubt)

    def failed(
        self,
        tried: Try,
        raw: AIMessage | None,
        charge: Charge,
        why: str,
        *,
        error: BaseException,
    ) -> None:
        """A call that came to nothing."""
        self._call(tried, raw, charge, "error", why)
        self._retry(tried.name, tried.question.run, "error", why, tried.timing)
        anomaly = "empty" if isinstance(error, Empty) else "model"
        self._line(tried.question.run, anomaly, tried.name, why, attempt=tried.number)

    def skipped(self, name: str, run: Run, why: str) -> None:
        """A model that was not asked."""
        self._retry(name, run, "skipped", why, Timing())
        self._line(run, "skipped", name, why)

    def changed(self, provider: str, state: BreakerState, why: str | None) -> None:
        """A provider's breaker opened, lets a probe through, or closed."""
        self._spans.later(
            lambda c: self._journal.append(
                c, "health", anomaly="provider", provider=provider, state=state, reason=why
            )
        )

    async def keep(self) -> None:
        """What was paid for is on disk before anything is done with it."""
        await self._spans.flush()

    def _call(
        self,
        tried: Try,
        raw: AIMessage | None,
        charge: Charge,
        status: str,
        why: str | None,
    ) -> None:
        used = charge.used
        self._spans.emit(
            span_of(
                tried.question.run,
                SpanKind.LLM_CALL,
                name=tried.name,
                span_id=tried.id,
                started_ms=tried.timing.began_ms,
                latency_ms=tried.timing.latency_ms,
                status=status,
                model_id=tried.name.removesuffix(":"),
                model_version=version_of(raw, tried.name),
                prompt_version_hash=tried.question.prompt.version_hash,
                input_tokens=used.input if used else 0,
                output_tokens=used.output if used else 0,
                temperature=self._temperature,
                cost_usd=charge.nano / NANO,
                cost_nano=charge.nano,
                price_table=charge.table,
                result_summary=why,
            )
        )
        if charge.doubt is not None:
            self._line(tried.question.run, "usage", tried.name, charge.doubt)

    def _retry(self, name: str, run: Run, status: str, why: str, timing: Timing) -> None:
        self._spans.emit(
            span_of(
                run,
                SpanKind.RETRY,
                name=name,
                span_id=new_id(),
                started_ms=timing.began_ms,
                latency_ms=timing.latency_ms,
                status=status,
                result_summary=why,
            )
        )

    def _line(self, run: Run, anomaly: str, name: str, why: str, **more: Any) -> None:
        incident = run.incident
        self._spans.later(
            lambda c: self._journal.append(
                c,
                "health",
                tenant_id=incident.tenant_id,
                session_id=incident.session_id,
                trace_id=run.trace_id,
                anomaly=anomaly,
                model=name,
                reason=why,
                **more,
            )
        )
