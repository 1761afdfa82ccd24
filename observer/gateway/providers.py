"""How the models' providers are: a circuit breaker for each, and what went wrong last."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from observer.domain.breaker import Breaker, BreakerState, Ticket
from observer.gateway.chat_models import RUNBOOK
from observer.gateway.failures import is_providers
from observer.gateway.model_records import ModelRecords
from observer.gateway.question import Skipped
from observer.settings.models_file import ProviderBreaker

logger = logging.getLogger("observer")


@dataclass
class Provider:
    """Who serves some models: all whose name begins alike share its fate."""

    name: str
    breaker: Breaker
    last_error: str | None = None


@dataclass(frozen=True)
class Pass:
    """The leave to ask one model once."""

    provider: Provider
    ticket: Ticket


class Providers:
    """Those of the profile in use. After a restart each is believed to be well."""

    def __init__(
        self,
        models: Iterable[str],
        settings: ProviderBreaker,
        records: ModelRecords,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._records = records
        self._clock = clock
        names = sorted({name.partition(":")[0] for name in models if name != RUNBOOK})
        self._known = {name: self._fresh(name) for name in names}

    def enter(self, model: str) -> Pass | None:
        """Leave to ask a model now; the runbook needs none.

        Raises:
            Skipped: its provider is left alone.
        """
        if model == RUNBOOK:
            return None
        provider = self._known[model.partition(":")[0]]
        ticket = provider.breaker.admit(self._clock())
        if ticket is None:
            raise Skipped(f"{provider.name} is left alone for a while: {provider.last_error}")
        if provider.breaker.state(self._clock()) is BreakerState.HALF_OPEN:
            self._records.changed(provider.name, BreakerState.HALF_OPEN, None)
        return Pass(provider, ticket)

    def lets_in(self, model: str) -> bool:
        """Whether a provider is not left alone for sure."""
        provider = self._known.get(model.partition(":")[0])
        return provider is None or self._state(provider) is not BreakerState.OPEN

    def answered(self, entry: Pass | None) -> None:
        """A model gave a usable answer."""
        if entry is not None:
            self._tell(entry, lambda breaker, now: breaker.answered(entry.ticket, now), None)
            if self._state(entry.provider) is BreakerState.CLOSED:
                entry.provider.last_error = None

    def failed(
        self, entry: Pass | None, error: BaseException, why: str, leave_for: float | None
    ) -> None:
        """A model gave none. What is not the provider's failure shows that it is there."""
        if entry is None:
            return
        entry.provider.last_error = why
        if is_providers(error):
            seconds = min(leave_for or 0.0, self._settings.max_open_for)
            self._tell(
                entry,
                lambda breaker, now: breaker.failed(entry.ticket, now, leave_for=seconds),
                why,
            )
        else:
            self._tell(entry, lambda breaker, now: breaker.answered(entry.ticket, now), why)

    def leave(self, entry: Pass | None) -> None:
        """The question is over, whether or not anything could be said of the provider."""
        if entry is not None:
            entry.provider.breaker.let_go(entry.ticket)

    def health(self) -> dict[str, dict[str, Any]]:
        """By provider: state, since when (Unix time), and the last error, until it answers."""
        now, wall = self._clock(), time.time()
        return {
            name: {
                "state": provider.breaker.state(now),
                "since": wall - (now - provider.breaker.since(now)),
                "last_error": provider.last_error,
            }
            for name, provider in self._known.items()
        }

    def _tell(
        self, entry: Pass, verdict: Callable[[Breaker, float], None], why: str | None
    ) -> None:
        provider = entry.provider
        before = self._state(provider)
        verdict(provider.breaker, self._clock())
        after = self._state(provider)
        if after is not before:
            self._records.changed(provider.name, after, why)
            logger.warning("models of %s: %s%s", provider.name, after, f": {why}" if why else "")

    def _state(self, provider: Provider) -> BreakerState:
        return provider.breaker.state(self._clock())

    def _fresh(self, name: str) -> Provider:
        settings = self._settings
        return Provider(name, Breaker(settings.failures, settings.open_for, self._clock()))
