"""The shape of models.yaml. Every key is documented in the file that ships it."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from observer.domain.runbook import Data, Seconds

Role = Literal["classify", "warning", "critical", "judge"]


_DEAREST = 1_000_000
"""A dollar a token: nobody asks more, and whoever writes more has mistyped."""


class ModelCall(Data):
    """Limits of one question to the models of a role."""

    timeout: Seconds = 20.0
    tries: int = Field(default=2, ge=1, le=10)
    retry_delay: Seconds = 0.5
    max_retry_delay: Seconds = 2.0
    trouble_limit: Seconds = 4.0
    max_answer_bytes: int = Field(default=262144, ge=1024)
    max_output_tokens: int = Field(default=1000, ge=1)
    temperature: float = Field(default=0.0, ge=0, le=2)


class ProviderBreaker(Data):
    """When a provider is left alone, and for how long."""

    failures: int = Field(default=2, ge=1)
    open_for: Seconds = 15.0
    max_open_for: Seconds = 3600.0


class Price(Data):
    """US dollars per million tokens."""

    input: Decimal = Field(ge=0, le=_DEAREST)
    output: Decimal = Field(ge=0, le=_DEAREST)


class ModelsFile(Data):
    """models.yaml."""

    profiles: dict[str, dict[Role, list[str]]]
    call: ModelCall = ModelCall()
    breaker: ProviderBreaker = ProviderBreaker()
    prices: dict[str, Price] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
