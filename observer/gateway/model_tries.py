"""One model of a chain: whether it may be asked, its tries, and what comes of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

from observer.domain.backoff import wait_before_retry
from observer.domain.hold import why_frozen
from observer.domain.redaction import Redactor
from observer.gateway.answers import checked, closed_schema, content_of, tokens_of
from observer.gateway.bills import Bill, Bills
from observer.gateway.chat_models import RUNBOOK, ChatModels
from observer.gateway.failures import hopeless, retry_after, tokens_in, why_failed
from observer.gateway.model_records import ModelRecords, Timing, Try
from observer.gateway.providers import Pass, Providers
from observer.gateway.question import Answer, Question, Skipped, T
from observer.gateway.run_health import RunHealth
from observer.records.holds import Holds
from observer.records.spans import new_id
from observer.settings.models_file import ModelsFile

_WHY_LENGTH = 300


class _Failed(Exception):
    """This try came to nothing, and that is recorded; its cause says how."""


class ModelTries:
    """Asks one model until it gives a usable answer, or as often as it may."""

    def __init__(
        self,
        models: ModelsFile,
        chat_models: ChatModels,
        providers: Providers,
        bills: Bills,
        records: ModelRecords,
        holds: Holds,
        run_health: RunHealth,
        redactor: Redactor,
        *,
        clock: Callable[[], float],
        spread: Callable[[], float],
    ) -> None:
        self._versions = models.versions
        self._call = models.call
        self._chat_models = chat_models
        self._providers = providers
        self._bills = bills
        self._records = records
        self._holds = holds
        self._run_health = run_health
        self._redactor = redactor
        self._clock = clock
        self._spread = spread
        self.last_error: str | None = None
        """Of whichever model failed last, until one answers."""

    async def ask(self, name: str, question: Question[T]) -> Answer[T] | None:
        """The model's answer; None where it may not be asked or gives none."""
        for number in range(1, self._call.tries + 1):
            try:
                return await self._try(name, number, question)
            except Skipped as skipped:
                self._records.skipped(name, question.run, str(skipped))
                return None
            except _Failed as failed:
                wait = self._wait(name, number, question, failed.__cause__ or failed)
            if wait is None:
                return None
            await asyncio.sleep(wait)
        return None

    async def _try(self, name: str, number: int, question: Question[T]) -> Answer[T]:
        self._refuse(name, question)
        entry = self._providers.enter(name)
        try:
            call_id = new_id()
            bill = await self._bills.open(call_id, name, question)
            try:
                tried = Try(call_id, name, number, question, Timing())
                return await self._ask(tried, question, bill, entry)
            finally:
                # Cut off by us or by the records: nothing of it comes back.
                self._bills.close(bill)
        finally:
            self._providers.leave(entry)

    def _refuse(self, name: str, question: Question[Any]) -> None:
        if name == RUNBOOK:
            return
        if frozen := why_frozen(self._holds.of(question.run.incident.tenant_id)):
            raise Skipped(frozen)
        if self._time_left(question) <= 0:
            raise Skipped(f"models have failed for {self._call.trouble_limit:g} s")

    async def _ask(
        self, tried: Try, question: Question[T], bill: Bill, entry: Pass | None
    ) -> Answer[T]:
        raw: AIMessage | None = None
        name = tried.name
        try:
            model = await self._chat_models.of(name)
            # To load a provider's library is no time of the model's.
            tried = replace(tried, timing=Timing())
            async with asyncio.timeout(self._limit(name, question)):
                raw = await _call(model, question)
            value = checked(
                raw,
                question.schema,
                name=name,
                versions=self._versions,
                most_bytes=self._call.max_answer_bytes,
            )
        except BaseException as error:  # whatever a provider raises, the next one is asked
            why = self._redactor.text(why_failed(error))[:_WHY_LENGTH]
            charge = bill.charge(tokens_of(raw) or tokens_in(error), error)
            self._records.failed(tried, raw, charge, why, error=error)
            if not isinstance(error, Exception):
                raise
            self._note_failure(name, question, error, why, entry)
            await self._close(tried, raw, bill, charge.nano)
            raise _Failed from error
        charge = bill.charge(tokens_of(raw), None)
        self._records.answered(tried, raw, charge)
        self._providers.answered(entry)
        if name != RUNBOOK:
            self.last_error = None
        await self._close(tried, raw, bill, charge.nano)
        return Answer(value, name.removesuffix(":"))

    async def _close(self, tried: Try, raw: AIMessage | None, bill: Bill, cost_nano: int) -> None:
        if tried.name == RUNBOOK:
            return
        await self._records.keep()
        await self._bills.settle(bill, cost_nano)
        if raw is not None:
            await self._run_health.note_answer(tried.question.run, content_of(raw))

    def _note_failure(
        self,
        name: str,
        question: Question[Any],
        error: Exception,
        why: str,
        entry: Pass | None,
    ) -> None:
        self.last_error = f"{name}: {why}"
        if question.failing_since is None:
            question.failing_since = self._clock()
        asked_for = retry_after(error, time.time())
        too_long = asked_for is not None and asked_for > self._call.max_retry_delay
        self._providers.failed(entry, error, why, asked_for if too_long else None)

    def _wait(
        self, name: str, number: int, question: Question[Any], error: BaseException
    ) -> float | None:
        """Seconds until this model's next try; None: it has none."""
        if number == self._call.tries or hopeless(error) or not self._providers.lets_in(name):
            return None
        wait = wait_before_retry(
            number,
            first=self._call.retry_delay,
            longest=self._call.max_retry_delay,
            asked_for=retry_after(error, time.time()),
            spread=self._spread,
        )
        return None if wait is None or wait >= self._time_left(question) else wait

    def _limit(self, name: str, question: Question[Any]) -> float:
        if name == RUNBOOK:
            return self._call.timeout
        return min(self._call.timeout, self._time_left(question))

    def _time_left(self, question: Question[Any]) -> float:
        if question.failing_since is None:
            return self._call.timeout
        return question.failing_since + self._call.trouble_limit - self._clock()


async def _call(model: BaseChatModel, question: Question[Any]) -> AIMessage:
    structured = model.with_structured_output(
        closed_schema(question.schema), method="json_schema", include_raw=True
    )
    result: Any = await structured.ainvoke([question.message])
    return result["raw"]
