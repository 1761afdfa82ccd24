"""The one door to models: by role, with limits, through a chain that ends in the runbook."""

from __future__ import annotations

import hashlib
import random
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.messages import HumanMessage

from observer.domain.calls import Run
from observer.domain.redaction import Redactor
from observer.domain.templates import fill
from observer.errors import ModelsExhausted
from observer.gateway.bills import Bills
from observer.gateway.chat_models import ChatModels
from observer.gateway.model_records import ModelRecords
from observer.gateway.model_tries import ModelTries
from observer.gateway.money import Money
from observer.gateway.providers import Providers
from observer.gateway.question import Answer, Question, T
from observer.gateway.run_health import RunHealth
from observer.records.holds import Holds
from observer.records.journal import Journal
from observer.records.spans import Spans
from observer.settings import Configuration
from observer.settings.models_file import Role


class Models:
    """Asks the models of a role one after the other until one gives a usable answer."""

    def __init__(
        self,
        configuration: Configuration,
        spans: Spans,
        journal: Journal,
        redactor: Redactor,
        holds: Holds,
        run_health: RunHealth,
        money: Money,
        chat_models: ChatModels,
        *,
        clock: Callable[[], float] = time.monotonic,
        spread: Callable[[], float] = random.random,
    ) -> None:
        self._configuration = configuration
        self._redactor = redactor
        self._fence_secret = secrets.token_bytes(16)
        models = configuration.models
        self._chains = models.profiles[configuration.profile]
        records = ModelRecords(spans, journal, temperature=models.call.temperature)
        named = {name for chain in self._chains.values() for name in chain}
        self._providers = Providers(named, models.breaker, records, clock)
        self._tries = ModelTries(
            models,
            chat_models,
            self._providers,
            Bills(models, money),
            records,
            holds,
            run_health,
            redactor,
            clock=clock,
            spread=spread,
        )

    @property
    def profile(self) -> str:
        """The profile of models.yaml in use."""
        return self._configuration.profile

    @property
    def last_error(self) -> str | None:
        """What the model said, or did, that failed last; None once one has answered."""
        return self._tries.last_error

    def health(self) -> dict[str, Any]:
        """How the models are, for a person; no outage of theirs is one of the observer."""
        return {
            "profile": self.profile,
            "last_error": self.last_error,
            "providers": self._providers.health(),
        }

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
        question = Question(prompt, message, schema, run)
        for name in self._chains[role]:
            answer = await self._tries.ask(name, question)
            if answer is not None:
                return answer
        raise ModelsExhausted
