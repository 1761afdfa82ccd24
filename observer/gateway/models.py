"""The one door to models: by role, with limits, through a chain that ends in the runbook."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel, ValidationError

from observer.domain.calls import Run
from observer.domain.redaction import Redactor
from observer.domain.span import SpanKind, span_of
from observer.domain.templates import fill
from observer.errors import ModelsExhausted
from observer.gateway.answers import (
    Unusable,
    closed_schema,
    content_of,
    hopeless,
    retry_after,
    version_of,
    why_failed,
)
from observer.gateway.chat_models import build
from observer.gateway.run_health import RunHealth
from observer.records.journal import Journal
from observer.records.spans import Spans, new_id, now_ms
from observer.settings import Configuration, Prompt
from observer.settings.prices import price_of
from observer.settings.schema import Role

T = TypeVar("T", bound=BaseModel)
NANO = 1_000_000_000


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A checked answer and who gave it."""

    value: T
    model_id: str


class Models:
    """Asks the models of a role one after the other until one gives a usable answer."""

    def __init__(
        self,
        configuration: Configuration,
        spans: Spans,
        journal: Journal,
        redactor: Redactor,
        run_health: RunHealth,
    ) -> None:
        self._configuration = configuration
        self._settings = configuration.models.call
        self._spans = spans
        self._journal = journal
        self._redactor = redactor
        self._run_health = run_health
        self._fence_secret = secrets.token_bytes(16)
        self._models: dict[str, BaseChatModel] = {}
        self.last_error: str | None = None

    @property
    def profile(self) -> str:
        """The profile of models.yaml in use."""
        return self._configuration.profile

    async def ask(
        self,
        role: Role,
        prompt_name: str,
        schema: type[T],
        *,
        facts: Mapping[str, Any],
        run: Run,
    ) -> Answer[T]:
        """Ask the models of a role for one answer of the given shape.

        `facts` fill the prompt's template and are all that a model sees.

        Raises:
            ModelsExhausted: no model of the chain gave a usable answer.
        """
        prompt = self._configuration.prompts[prompt_name]
        clean = self._redactor.value(dict(facts))
        # Of this process's secret, because the caller may choose the event's id and with it the
        # event's key; always of the same length, so that the same question costs the same.
        secret = self._fence_secret + run.incident.event_key.encode()
        fence = f"<<<{hashlib.sha256(secret).hexdigest()[:16]}>>>"
        text = fill(prompt.text, {**clean, "fence": fence})
        message = HumanMessage(text, additional_kwargs={"facts": clean})
        chain = self._configuration.models.profiles[self.profile][role]
        for name in chain:
            answer = await self._ask_one(name, message, prompt, schema, run)
            if answer is not None:
                return answer
        raise ModelsExhausted

    async def _ask_one(
        self, name: str, message: HumanMessage, prompt: Prompt, schema: type[T], run: Run
    ) -> Answer[T] | None:
        delay = self._settings.retry_delay
        for attempt in range(1, self._settings.tries + 1):
            started, clock = now_ms(), time.monotonic()
            raw: AIMessage | None = None
            try:
                # Outside the limit: the first use imports the provider's library.
                model = await self._model(name)
                async with asyncio.timeout(self._settings.timeout):
                    raw = await self._call(model, message, schema)
                value = self._check(name, raw, schema)
            except Exception as error:  # whatever a provider raises, the next one is asked
                why = self._redactor.text(why_failed(error))[:300]
                self.last_error = f"{name}: {why}"
                latency = (time.monotonic() - clock) * 1000
                self._span(name, prompt, run, started, latency, raw, "error", why)
                self._retry_span(name, run, started, latency, why)
                self._note(run, name, attempt, why)
                await self._keep(name, run, raw)
                if attempt < self._settings.tries and not hopeless(error):
                    wait = min(retry_after(error) or delay, self._settings.max_retry_delay)
                    await asyncio.sleep(wait)
                    delay *= 2
                    continue
                return None
            latency = (time.monotonic() - clock) * 1000
            self._span(name, prompt, run, started, latency, raw, "success", "")
            await self._keep(name, run, raw)
            if not name.startswith("runbook"):
                self.last_error = None
            return Answer(value, name.removesuffix(":"))
        return None

    async def _keep(self, name: str, run: Run, raw: AIMessage | None) -> None:
        """What was paid for is written down before the next step; the runbook costs nothing."""
        if not name.startswith("runbook"):
            await self._spans.flush()
            if raw is not None:
                await self._run_health.note_answer(run, content_of(raw))

    async def _model(self, name: str) -> BaseChatModel:
        model = self._models.get(name)
        if model is None:
            model = self._models[name] = await asyncio.to_thread(build, name, self._configuration)
        return model

    async def _call(
        self, model: BaseChatModel, message: HumanMessage, schema: type[T]
    ) -> AIMessage:
        structured = model.with_structured_output(
            closed_schema(schema), method="json_schema", include_raw=True
        )
        result: Any = await structured.ainvoke([message])
        return result["raw"]

    def _check(self, name: str, raw: AIMessage, schema: type[T]) -> T:
        content = content_of(raw)
        if len(content) > self._settings.max_answer_bytes:
            raise Unusable(f"the answer has {len(content)} characters")
        if not content.strip():
            raise Unusable("the answer is empty")
        pinned = self._configuration.models.versions.get(name.partition(":")[2])
        answered = version_of(raw, name)
        if pinned is not None and answered != pinned:
            raise Unusable(f"the answer is from version {answered}, pinned is {pinned}")
        try:
            # Not LangChain's own parsing: it repairs truncated JSON without saying so.
            return schema.model_validate_json(content)
        except ValidationError as error:
            raise Unusable(f"not of the asked shape: {error.errors()[0]['msg']}") from error

    def _span(
        self,
        name: str,
        prompt: Prompt,
        run: Run,
        started: int,
        latency: float,
        raw: AIMessage | None,
        status: str,
        why: str,
    ) -> None:
        usage = (raw.usage_metadata if raw is not None else None) or {}
        tokens_in = int(usage.get("input_tokens", 0))
        tokens_out = int(usage.get("output_tokens", 0))
        price = price_of(name, self._configuration.models)
        cost = 0.0
        if price is not None:
            cost = (tokens_in * price.input + tokens_out * price.output) / 1e6
        self._spans.emit(
            span_of(
                run,
                SpanKind.LLM_CALL,
                name=name,
                span_id=new_id(),
                started_ms=started,
                latency_ms=latency,
                status=status,
                model_id=name.removesuffix(":"),
                model_version=version_of(raw, name),
                prompt_version_hash=prompt.version_hash,
                input_tokens=tokens_in,
                output_tokens=tokens_out,
                temperature=self._settings.temperature,
                cost_usd=round(cost * NANO) / NANO,
                result_summary=why or None,
            )
        )

    def _retry_span(self, name: str, run: Run, started: int, latency: float, why: str) -> None:
        self._spans.emit(
            span_of(
                run,
                SpanKind.RETRY,
                name=name,
                span_id=new_id(),
                started_ms=started,
                latency_ms=latency,
                status="error",
                result_summary=why,
            )
        )

    def _note(self, run: Run, name: str, attempt: int, why: str) -> None:
        incident = run.incident
        kind = "empty" if "empty" in why else "model"
        self._spans.later(
            lambda c: self._journal.append(
                c,
                "health",
                tenant_id=incident.tenant_id,
                session_id=incident.session_id,
                trace_id=run.trace_id,
                anomaly=kind,
                model=name,
                attempt=attempt,
                reason=why,
            )
        )
