"""What a model costs: the operator's own price first, else the public list that ships offline."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version

from observer.domain.budget import NANO
from observer.settings.models_file import ModelsFile, Price

OWN_TABLE = "models.yaml"
PUBLIC_LIST = "genai-prices"

_MILLION = 1_000_000


@dataclass(frozen=True)
class Tariff:
    """What tokens of one model cost, and who says so."""

    table: str
    """The price list, with its version where it has one."""
    own: Price | None = None
    public: tuple[str, str] | None = None
    """Provider and model, as the public list calls them."""

    def nano(self, tokens_in: int, tokens_out: int) -> int:
        """What so many tokens cost, in whole nano-USD: reckoned exactly, rounded once."""
        return round(self._usd(tokens_in, tokens_out) * NANO)

    def _usd(self, tokens_in: int, tokens_out: int) -> Decimal:
        if self.public is not None:
            return _public_cost(*self.public, tokens_in, tokens_out)
        if self.own is None:
            return Decimal(0)
        return (tokens_in * self.own.input + tokens_out * self.own.output) / _MILLION


UNPRICED = Tariff("none")
"""Of a model that stands in no list. Such a one is refused when the configuration is read."""


def tariff_of(model: str, models: ModelsFile) -> Tariff | None:
    """What tokens of `provider:name` cost, or None when nobody knows."""
    if (own := models.prices.get(model)) is not None:
        return Tariff(OWN_TABLE, own=own)
    return _public_tariff(model)


@lru_cache(maxsize=256)
def _public_tariff(model: str) -> Tariff | None:
    provider, _, name = model.partition(":")
    try:
        _public_cost(provider, name, 1, 1)
    except LookupError:
        return None
    return Tariff(f"{PUBLIC_LIST} {version(PUBLIC_LIST)}", public=(provider, name))


def _public_cost(provider: str, name: str, tokens_in: int, tokens_out: int) -> Decimal:
    """By the list's own reckoning: some models cost more from so many tokens on.

    Raises:
        LookupError: the list has no such model.
    """
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=tokens_in, output_tokens=tokens_out)
    return calc_price(usage, name, provider_id=provider).total_price
